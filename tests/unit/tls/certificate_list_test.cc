// Files that name certificates: what a line may say, and what is said of one that says something
// else.

#include "tls/certificate_list.h"

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace sallyport::tls;
using Time = CertificateList::Time;

namespace {

const std::string kPrint = std::string(64, 'a');
constexpr std::chrono::sys_days kDay{std::chrono::year{2027} / 3 / 31};
const Time kNow = kDay;

struct Read {
  CertificateList list;
  std::vector<TlsError> errors;
};

Read read(std::string_view text, bool needs_end = false) {
  Read result;
  result.list.add(text, "f", needs_end, result.errors);
  return result;
}

bool names(std::string_view text, const ListedAs& certificate, Time now = kNow) {
  const Read result = read(text);
  REQUIRE(result.errors.empty());
  return result.list.find(certificate, now).has_value();
}

}  // namespace

TEST_CASE("certificate list: what a line names") {
  CHECK(names("fingerprint " + kPrint, {kPrint, "01", "CN=a"}));
  std::string colons;
  for (int i = 0; i < 32; ++i) colons += i == 0 ? "AA" : ":AA";
  CHECK(names("\t fingerprint  " + colons + " # stolen\r\n", {kPrint, "", ""}));
  CHECK_FALSE(names("fingerprint " + kPrint, {std::string(64, 'b'), "01", "CN=a"}));
  for (const char* serial : {"0a1b", "A1B", "00:0A:1B"}) {
    CHECK(names("serial " + std::string(serial), {kPrint, "0a1b", "CN=a"}));
  }
  CHECK(names("serial 0", {kPrint, "00", ""}));
  CHECK(names("serial -1", {kPrint, "-01", ""}));
  CHECK_FALSE(names("serial -1", {kPrint, "01", ""}));
  CHECK_FALSE(names("serial 0a1b", {kPrint, "", ""}));
  CHECK(names(R"(serial 1 issuer "CN=a b,O=\"c\"")", {kPrint, "01", R"(CN=a b,O=\"c\")"}));
  CHECK_FALSE(names(R"(serial 1 issuer "CN=a")", {kPrint, "01", "CN=b"}));
  CHECK(read("# nobody\n\n   \n#\n").list.size() == 0);
}

TEST_CASE("certificate list: a line ends with its date, and a day counts whole") {
  const ListedAs one{kPrint, "01", ""};
  const std::string day = "serial 1 until 2027-03-31";
  CHECK(names(day, one, kDay));
  CHECK(names(day, one, kDay + std::chrono::hours(24) - std::chrono::seconds(1)));
  CHECK_FALSE(names(day, one, kDay + std::chrono::hours(24)));
  CHECK(names(day + "T12:00:00Z", one, kDay + std::chrono::hours(12) - std::chrono::seconds(1)));
  CHECK_FALSE(names(day + "T12:00:00Z", one, kDay + std::chrono::hours(12)));
  // Of two lines the longer one counts.
  CHECK(names(day + "\nserial 1 until 2028-01-01", one, kDay + std::chrono::hours(48)));
}

TEST_CASE(
    "certificate list: what is malformed is an error with its line, and no line is half taken") {
  for (const char* line :
       {"fingerprint", "fingerprint 12", "serial", "serial 0x12", "serial g", "7f", "sha256 7f",
        "serial 1 until", "serial 1 until 2027-02-29", "serial 1 until 2027-3-31",
        "serial 1 until 31.03.2027", "serial 1 until 2027-03-31T24:00:00Z",
        "serial 1 until 2027-03-31T12:00:00", "serial 1 issuer CN=a", "serial 1 issuer \"CN=a",
        "serial 1 issuer \"\"", "serial 1 2027-03-31",
        "serial 1 until 2027-03-31 until 2027-03-31"}) {
    const Read result = read("serial 2\n" + std::string(line) + "\nserial 3\n");
    INFO(line);
    REQUIRE(result.errors.size() == 1);
    CHECK(result.errors[0].file == "f");
    CHECK(result.errors[0].line == 2);
    CHECK(result.list.size() == 2);
  }
  CHECK(read("fingerprint " + kPrint + " issuer \"CN=a\"").errors.size() == 1);
  CHECK(read("serial " + std::string(65, '1')).errors.size() == 1);
  CHECK(read("serial 1 # " + std::string(CertificateList::kMostLine, 'x')).errors.size() == 1);
}

TEST_CASE("certificate list: an exception needs an end") {
  CHECK(read("serial 1", true).errors.size() == 1);
  CHECK(read("serial 1 until 2027-03-31", true).errors.empty());
}

TEST_CASE("certificate list: has an end itself") {
  std::string text;
  for (std::size_t i = 0; i <= CertificateList::kMostEntries; ++i) {
    text += "serial " + std::to_string(i) + "\n";
  }
  const Read result = read(text);
  CHECK(result.list.size() == CertificateList::kMostEntries);
  REQUIRE(result.errors.size() == 1);
  CHECK(result.errors[0].line == CertificateList::kMostEntries + 1);
}
