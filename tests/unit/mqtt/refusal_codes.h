#pragma once

#include <map>
#include <set>
#include <string>

namespace sallyport::mqtt::test {

/// In hexadecimal.
using Codes = std::set<std::string>;

// 81: it cannot be parsed as the standard says. 82: it can, and is not allowed. Two codes: the
// check has a case of each, and a test of its own says which is which.
inline const std::map<std::string, Codes> kRefusalCodes = {
    {"mqtt.packet-type", {"81", "82"}},
    {"mqtt.fixed-header-flags", {"81"}},
    {"mqtt.remaining-length", {"81"}},
    {"mqtt.packet-too-large", {"95"}},
    {"mqtt.packet-gathered", {"97"}},
    {"mqtt.protocol-name", {"84"}},
    {"mqtt.protocol-version", {"84"}},
    {"mqtt.connect-flags", {"81", "82"}},
    {"mqtt.connack-flags", {"81", "82"}},
    {"mqtt.client-id", {"85"}},
    {"mqtt.client-id-too-long", {"85"}},
    {"mqtt.client-id-characters", {"85"}},
    {"mqtt.will-too-large", {"97"}},
    {"mqtt.truncated", {"81"}},
    {"mqtt.trailing-bytes", {"81"}},
    {"mqtt.utf8", {"81"}},
    {"mqtt.control-character", {"81", "8F", "90"}},  // the latter of topics
    {"mqtt.packet-identifier", {"82"}},
    {"mqtt.qos", {"81", "82"}},
    {"mqtt.reason-code", {"81", "82"}},
    {"mqtt.property-unknown", {"81", "82"}},
    {"mqtt.property-twice", {"82"}},
    {"mqtt.property-value", {"81", "82"}},
    {"mqtt.property-length", {"81"}},
    {"mqtt.user-properties", {"97"}},
    {"mqtt.topic-name", {"81", "82"}},
    {"mqtt.topic-filter", {"81"}},
    {"mqtt.topic-too-long", {"8F", "90"}},
    {"mqtt.topic-levels", {"8F", "90"}},
    {"mqtt.share-name", {"81", "8F"}},
    {"mqtt.topic-alias", {"94"}},
    {"mqtt.subscription-options", {"81", "82"}},
    {"mqtt.no-filters", {"82"}},
    {"mqtt.auth-method", {"82"}},
};

}  // namespace sallyport::mqtt::test
