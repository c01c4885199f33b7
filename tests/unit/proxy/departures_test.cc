#include "proxy/departures.h"

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace sallyport;
using proxy::Departures;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct Guest {
  char name = 0;
  bool busy = false;
  std::string* left = nullptr;
  std::uint64_t departure = 0;

  [[nodiscard]] bool is_busy() const { return busy; }
  void shut_down() const { left->push_back(name); }
};

constexpr Instant kBegin{seconds(100)};

/// Guests "a", "b", ...: each was heard of a second later than the one before.
struct House {
  explicit House(std::size_t count) : guests(count) {
    for (std::size_t i = 0; i < count; ++i) {
      guests[i].name = static_cast<char>('a' + i);
      guests[i].left = &left;
    }
  }
  void begin(Duration window) {
    // In any order.
    for (std::size_t i = 0; i < guests.size(); ++i) {
      const std::size_t at = (i * 11 + 3) % guests.size();
      departures.add(guests[at], Instant(seconds(at)));
    }
    departures.begin(kBegin, window);
  }
  Instant let_go(Duration after, std::size_t most = 1000) {
    return departures.let_go(kBegin + after, most);
  }

  std::string left;
  std::vector<Guest> guests;
  Departures<Guest> departures;
};

}  // namespace

TEST_CASE("departures: evenly over the window, the longest silent first") {
  House house(10);
  house.begin(seconds(10));
  CHECK(house.let_go(seconds(0)) == kBegin + seconds(1));
  CHECK(house.left == "a");
  CHECK(house.let_go(milliseconds(999)) == kBegin + seconds(1));
  CHECK(house.left == "a");
  CHECK(house.let_go(seconds(1)) == kBegin + seconds(2));
  CHECK(house.left == "ab");
  // A call that comes late catches up.
  CHECK(house.let_go(milliseconds(4500)) == kBegin + seconds(5));
  CHECK(house.left == "abcde");
  CHECK(house.let_go(seconds(9)) == kNever);
  CHECK(house.left == "abcdefghij");
}

TEST_CASE("departures: without a window all go at once, some in each call") {
  House house(7);
  house.begin(Duration::zero());
  CHECK(house.let_go(seconds(0), 3) == kBegin);
  CHECK(house.left == "abc");
  CHECK(house.let_go(seconds(0), 3) == kBegin);
  CHECK(house.let_go(seconds(0), 3) == kNever);
  CHECK(house.left == "abcdefg");
}

TEST_CASE("departures: who is busy goes later, and at the end all the same") {
  House house(4);
  house.guests[0].busy = house.guests[1].busy = house.guests[2].busy = true;
  house.begin(seconds(4));
  house.let_go(seconds(0));
  CHECK(house.left == "d");
  // Nobody may go, though one more is due.
  CHECK(house.let_go(seconds(1)) == kBegin + seconds(1) + Departures<Guest>::kLookAgain);
  CHECK(house.left == "d");
  house.guests[1].busy = false;
  house.let_go(seconds(1) + milliseconds(20));
  CHECK(house.left == "db");
  house.let_go(seconds(3) + milliseconds(999));
  CHECK(house.left == "db");
  CHECK(house.let_go(seconds(4)) == kNever);
  CHECK(house.left == "dbca");  // c was not looked at in between
}

TEST_CASE("departures: who leaves by itself leaves its turn to the others") {
  House house(4);
  house.begin(seconds(4));
  house.let_go(seconds(0));
  house.departures.forget(house.guests[0]);  // that was told to go
  house.departures.forget(house.guests[2]);
  house.let_go(seconds(1));
  CHECK(house.left == "a");  // two of four have gone, as many as are due
  house.let_go(seconds(2));
  CHECK(house.left == "ab");
  house.departures.forget(house.guests[1]);
  house.departures.forget(house.guests[3]);
  CHECK(house.let_go(seconds(3)) == kNever);
  CHECK(house.left == "ab");
  Guest stranger{.name = 'x', .left = &house.left};
  house.departures.forget(stranger);
}

TEST_CASE("departures: nobody is there, or nobody any more") {
  House none(0);
  none.begin(seconds(4));
  CHECK(none.let_go(seconds(0)) == kNever);
  House house(3);
  house.begin(seconds(3));
  house.let_go(seconds(0));
  house.departures.clear();
  CHECK(house.let_go(seconds(9)) == kNever);
  for (Guest& guest : house.guests) house.departures.forget(guest);
  CHECK(house.left == "a");
}
