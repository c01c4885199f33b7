#include "pair.h"

#include <tuple>

#include <doctest/doctest.h>

namespace sallyport::tls::test {

Pki::Pki() {
  server_ca_file = folder.write("server-ca.crt", server_ca.pem());
  devices_ca_file = folder.write("devices-ca.crt", devices_ca.pem());
  other_ca_file = folder.write("other-ca.crt", other_ca.pem());
  std::tie(server_file, server_key_file) =
      write("server", issue({.common_names = {"gateway"},
                             .dns = {"gateway.test", "*.wild.test"},
                             .addresses = {"127.0.0.1"},
                             .usage = "serverAuth"},
                            &server_ca));
  device_certificate = issue({.common_names = {"sensor-7"},
                              .dns = {"sensor-7.plant.test"},
                              .uris = {"urn:plant:sensor-7"},
                              .usage = "clientAuth",
                              .serial = 0xc0ffee},
                             &devices_ca);
  std::tie(device_file, device_key_file) = write("device", device_certificate);
}

std::pair<std::string, std::string> Pki::write(std::string_view name, const Issued& issued) const {
  const std::string base(name);
  return {folder.write(base + ".crt", issued.pem()), folder.write(base + ".key", issued.key_pem())};
}

ServerOptions Pki::server(ClientCertificate asked) const {
  ServerOptions options;
  options.certificate = server_file;
  options.key = server_key_file;
  options.client_certificate = asked;
  if (asked != ClientCertificate::none) options.client_ca = devices_ca_file;
  return options;
}

ClientOptions Pki::client() const {
  ClientOptions options;
  options.ca = server_ca_file;
  options.server_name = "gateway.test";
  return options;
}

ClientOptions Pki::device() const {
  ClientOptions options = client();
  options.certificate = device_file;
  options.key = device_key_file;
  return options;
}

ClientOptions Pki::device(const Request& request) const {
  ClientOptions options = client();
  std::tie(options.certificate, options.key) = write("some-device", issue(request, &devices_ca));
  return options;
}

const Pki& pki() {
  static const Pki made;
  return made;
}

Context::Ptr load(const ServerOptions& options) {
  auto result = Context::load_server(options);
  REQUIRE_MESSAGE(result.has_value(), errors_of(result));
  return *result;
}

Context::Ptr load(const ClientOptions& options) {
  auto result = Context::load_client(options);
  REQUIRE_MESSAGE(result.has_value(), errors_of(result));
  return *result;
}

std::string errors_of(const Context::Result& result) {
  std::string text;
  if (result) return text;
  for (const TlsError& error : result.error()) {
    text += (error.file.empty() ? "-" : error.file) + ": " + error.message + "\n";
  }
  return text;
}

}  // namespace sallyport::tls::test
