#include "bench/micro/open_session.h"

#include "bench/micro/case.h"
#include "bench/wire/packets.h"

namespace sallyport::bench {

OpenSession::OpenSession(policy::Policy::Ptr policy, Turn& turn)
    : turn_(turn), session_(options_, bench_identity(), std::move(policy), events_, 1, now_) {
  Buffer connect;
  append_connect({.client_id = "bench-1", .keep_alive = 60}, connect);
  const std::size_t taken = session_.feed(Side::client, connect.bytes(), now_, turn_);
  require(taken == connect.size() && turn_.dial, "CONNECT is not accepted");
  turn_.clear();
  session_.broker_connected(now_, turn_);
  turn_.clear();
  constexpr std::uint8_t kConnack[] = {0x20, 2, 0, 0};
  feed(Side::broker, kConnack);
  require(forwarded_ == sizeof(kConnack), "CONNACK is not forwarded");
  forwarded_ = 0;
}

OpenSession::~OpenSession() {
  session_.transport_closed(Side::client, CloseKind::closed, "the end", now_, turn_);
  turn_.clear();
}

void OpenSession::feed(Side from, Bytes bytes) {
  now_ += kStep;
  const std::size_t taken = session_.feed(from, bytes, now_, turn_);
  require(taken == bytes.size() && !turn_.close, "the session does not take the bytes");
  forwarded_ += turn_.to(other(from)).size();
  answered_ += turn_.to(from).size();
  turn_.clear();
}

void OpenSession::judge(policy::Policy::Ptr policy) {
  session_.set_policy(std::move(policy), now_, turn_);
  require(!turn_.close && turn_.to(Side::client).empty() && turn_.to(Side::broker).empty(),
          "a new policy does not leave the session as it is");
}

}  // namespace sallyport::bench
