#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sallyport {

/// Every refusal that is not an operator's rule has one of these names. The same name stands in
/// the audit line, in the metric label and in this list; operators search for it, so a name is
/// never reused for something else.
///
///   X(enumerator, "name", "what is refused, in words for an operator")
#define SALLYPORT_CHECKS(X)                                                                        \
  X(max_connections_gateway, "connection.max-gateway",                                             \
    "the gateway has as many connections as it may")                                               \
  X(max_connections_files, "connection.no-files",                                                  \
    "the process may not open as many files as another connection needs")                          \
  X(max_connections, "connection.max", "the listener has as many connections as it may")           \
  X(max_connections_per_address, "connection.max-per-address",                                     \
    "the address has as many connections to the listener as it may")                               \
  X(proxy_untrusted, "connection.proxy-untrusted",                                                 \
    "the listener is for proxies, and the address is not one of theirs")                           \
  X(proxy_header, "connection.proxy-header", "the PROXY header is missing, malformed or too long") \
  X(proxy_timeout, "connection.proxy-timeout", "no whole PROXY header within the time allowed")    \
  X(shutting_down, "connection.shutting-down", "the gateway ends")                                 \
  X(tls_not_tls, "tls.not-tls", "what came first is not TLS")                                      \
  X(tls_version, "tls.version", "no protocol version that both sides allow")                       \
  X(tls_no_shared_cipher, "tls.no-shared-cipher", "no cipher suite or group that both sides have") \
  X(tls_protocol, "tls.protocol", "a message or record that TLS does not allow there")             \
  X(tls_bad_record, "tls.bad-record", "a record that cannot be decrypted")                         \
  X(tls_peer_alert, "tls.peer-alert", "the peer ended the handshake with an alert")                \
  X(tls_timeout, "tls.timeout", "the handshake did not end within the time allowed")               \
  X(tls_closed, "tls.closed", "the peer closed the connection in the handshake")                   \
  X(tls_internal, "tls.internal",                                                                  \
    "the handshake failed for want of memory or another reason here")                              \
  X(certificate_missing, "tls.certificate-missing", "no certificate where one is required")        \
  X(certificate_untrusted, "tls.certificate-untrusted",                                            \
    "the certificate was not signed by an authority that is trusted here")                         \
  X(certificate_expired, "tls.certificate-expired", "a certificate of the chain has expired")      \
  X(certificate_not_yet_valid, "tls.certificate-not-yet-valid",                                    \
    "a certificate of the chain is not valid yet")                                                 \
  X(certificate_purpose, "tls.certificate-purpose", "the certificate is not for this use")         \
  X(certificate_key_usage, "tls.certificate-key-usage",                                            \
    "keyUsage of the certificate has no digitalSignature, which TLS needs it for")                 \
  X(certificate_name, "tls.certificate-name",                                                      \
    "subjectAltName of the certificate does not have the name asked for")                          \
  X(certificate_chain, "tls.certificate-chain", "the certificate's chain is longer than allowed")  \
  X(certificate_weak_key, "tls.certificate-weak-key",                                              \
    "a key of the chain is too short: RSA below 2048 bits, or a curve below P-256")                \
  X(certificate_weak_signature, "tls.certificate-weak-signature",                                  \
    "a certificate of the chain is signed with SHA-1 or MD5")                                      \
  X(certificate_revoked, "tls.certificate-revoked",                                                \
    "a list of its CA (CRL) says that a certificate of the chain is revoked")                      \
  X(certificate_denied, "tls.certificate-denied", "a deny list names a certificate of the chain")  \
  X(crl_missing, "tls.crl-missing",                                                                \
    "there is no list of revoked certificates (CRL) of a CA of the chain")                         \
  X(crl_expired, "tls.crl-expired",                                                                \
    "the list of revoked certificates (CRL) of a CA of the chain is over")                         \
  X(certificate_pin, "tls.certificate-pin", "the certificate is none of those that are pinned")    \
  X(certificate_invalid, "tls.certificate-invalid",                                                \
    "the certificate or its chain is malformed, or a signature is wrong")                          \
  X(packet_type, "mqtt.packet-type", "packet type is reserved or may not come from this side")     \
  X(fixed_header_flags, "mqtt.fixed-header-flags", "flags of the fixed header are not as fixed")   \
  X(remaining_length, "mqtt.remaining-length", "Remaining Length is malformed or cannot be right") \
  X(packet_too_large, "mqtt.packet-too-large", "packet is larger than the limit")                  \
  X(packet_gathered, "mqtt.packet-gathered",                                                       \
    "what has to be read of the packet before it can be decided is larger than the limit")         \
  X(connect_first, "mqtt.connect-first", "first packet is not CONNECT, or CONNECT came again")     \
  X(protocol_name, "mqtt.protocol-name", "protocol name is not MQTT or MQIsdp")                    \
  X(protocol_version, "mqtt.protocol-version", "protocol version is not supported")                \
  X(connect_flags, "mqtt.connect-flags", "CONNECT flags contradict each other")                    \
  X(connack_flags, "mqtt.connack-flags", "CONNACK flags are reserved or contradict its code")      \
  X(client_id_invalid, "mqtt.client-id", "client identifier is empty or not allowed here")         \
  X(client_id_too_long, "mqtt.client-id-too-long", "client identifier is longer than the limit")   \
  X(client_id_characters, "mqtt.client-id-characters",                                             \
    "client identifier holds a character that the limit does not name")                            \
  X(truncated, "mqtt.truncated", "a field runs past the end of the packet")                        \
  X(trailing_bytes, "mqtt.trailing-bytes", "bytes are left over at the end of the packet")         \
  X(utf8, "mqtt.utf8", "a string is not well-formed UTF-8 or holds U+0000")                        \
  X(control_character, "mqtt.control-character", "a string holds a control character")             \
  X(packet_identifier, "mqtt.packet-identifier", "packet identifier is 0 or is used wrongly")      \
  X(qos, "mqtt.qos", "QoS is 3 or above the broker's, or DUP is set on QoS 0")                     \
  X(retain, "mqtt.retain", "RETAIN is set, and the broker said that it does not retain")           \
  X(reason_code, "mqtt.reason-code", "reason code is not one that this packet may carry")          \
  X(property_unknown, "mqtt.property-unknown", "property is not allowed in this packet")           \
  X(property_twice, "mqtt.property-twice", "property stands twice where once is allowed")          \
  X(property_value, "mqtt.property-value", "property has a value out of its range")                \
  X(property_length, "mqtt.property-length", "property length does not fit the packet")            \
  X(user_properties, "mqtt.user-properties", "more user properties than the limit")                \
  X(topic_name, "mqtt.topic-name", "topic name is empty or holds a wildcard")                      \
  X(topic_filter, "mqtt.topic-filter", "topic filter is empty or has a misplaced wildcard")        \
  X(topic_too_long, "mqtt.topic-too-long", "topic is longer than the limit")                       \
  X(topic_levels, "mqtt.topic-levels", "topic has more levels than the limit")                     \
  X(share_name, "mqtt.share-name", "$share subscription without a valid name and filter")          \
  X(topic_alias, "mqtt.topic-alias", "topic alias is 0, above the maximum or unknown")             \
  X(subscription_options, "mqtt.subscription-options", "subscription options byte is not valid")   \
  X(no_filters, "mqtt.no-filters", "SUBSCRIBE or UNSUBSCRIBE without a topic filter")              \
  X(too_many_filters, "mqtt.too-many-filters", "more topic filters than the limit")                \
  X(subscriptions, "mqtt.subscriptions", "more subscriptions than the limit")                      \
  X(suback_codes, "mqtt.suback-codes", "SUBACK does not answer what was asked")                    \
  X(auth_method, "mqtt.auth-method", "AUTH without an authentication method from CONNECT")         \
  X(unexpected_ack, "mqtt.unexpected-ack", "acknowledgement of something that was never sent")     \
  X(wrong_ack, "mqtt.wrong-ack", "acknowledgement of another kind than the message awaits")        \
  X(receive_maximum, "mqtt.receive-maximum", "more QoS 1 and 2 messages in flight than allowed")   \
  X(qos2_in_flight, "mqtt.qos2-in-flight", "more QoS 2 messages in flight than the limit")         \
  X(requests_in_flight, "mqtt.requests-in-flight", "too many unanswered requests")                 \
  X(keep_alive, "mqtt.keep-alive", "nothing came for one and a half keep-alive intervals")         \
  X(keep_alive_minimum, "mqtt.keep-alive-minimum",                                                 \
    "client of 3.x asks for a shorter keep-alive than the limit, and cannot be told another")      \
  X(keep_alive_maximum, "mqtt.keep-alive-maximum",                                                 \
    "client of 3.x asks for a longer keep-alive than the limit, or for none")                      \
  X(will_too_large, "mqtt.will-too-large", "payload of the Will is larger than the limit")         \
  X(payload_too_large, "mqtt.payload-too-large", "payload is larger than the limit")               \
  X(connect_timeout, "session.connect-timeout", "no complete CONNECT within the time allowed")     \
  X(kicked, "session.kicked", "an operator ended the session")                                     \
  X(login_refused, "login.refused", "user name or password is wrong")                              \
  X(login_unavailable, "login.unavailable", "nobody could say whether the client may come in")     \
  X(login_timeout, "login.timeout", "the authenticator did not answer in time")                    \
  X(login_expired, "login.expired", "the time for which the client was let in is over")            \
  X(stalled, "session.stalled", "a side took not one byte for the time allowed")                   \
  X(broker_unavailable, "session.broker-unavailable", "the broker could not be reached")           \
  X(broker_timeout, "session.broker-timeout", "the broker did not answer CONNECT in time")         \
  X(broker_silent, "session.broker-silent",                                                        \
    "the broker took the connection and closed it without an answer to CONNECT")                   \
  X(broker_refused, "broker.connection-refused", "nobody listens at the broker's address")         \
  X(broker_unreachable, "broker.unreachable", "no way to the broker's address")                    \
  X(broker_name, "broker.name", "the broker's name could not be resolved")                         \
  X(broker_connect_timeout, "broker.connect-timeout", "the broker could not be reached in time")   \
  X(broker_no_ports, "broker.no-ports", "no local port is left for a connection to the broker")    \
  X(broker_no_files, "broker.no-files", "no descriptor is left for a connection to the broker")    \
  X(broker_closed, "broker.closed", "the broker closed the connection before it was ready")        \
  X(broker_error, "broker.error", "the connection to the broker failed")                           \
  X(broker_queue, "broker.queue", "no dial to the broker was free within the time allowed")        \
  X(broker_queue_full, "broker.queue-full", "too many wait for a dial to the broker already")      \
  X(no_role, "policy.no-role", "no role of the policy matches this identity")                      \
  X(no_rule, "policy.no-rule", "no allow rule covers this topic")                                  \
  X(client_id_binding, "policy.client-id-binding", "client identifier is not the one bound")       \
  X(connect_rate, "policy.connect-rate", "client connects more often than the listener allows")    \
  X(rate_limit, "policy.rate-limit", "more than the role's limits allow")

enum class Check : std::uint8_t {
#define X(enumerator, name, text) enumerator,
  SALLYPORT_CHECKS(X)
#undef X
};

/// The stable name ("mqtt.utf8"). The view is of static storage.
[[nodiscard]] std::string_view to_string(Check check);
/// One line for an operator. The view is of static storage.
[[nodiscard]] std::string_view describe(Check check);
/// The check of a name; none: there is no such one.
[[nodiscard]] std::optional<Check> find_check(std::string_view name);

}  // namespace sallyport
