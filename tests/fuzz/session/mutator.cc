// Mutates a script record by record, so that what is moved keeps its meaning; bytes within a record
// are left to libFuzzer. Linked into the fuzzing program only.

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "script.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using sallyport::fuzz::kHeader;
using sallyport::fuzz::kRecord;

/// Puts a record in, at a place of a list of records; all bytes behind it move.
std::size_t insert(std::uint8_t* data, std::size_t size, std::size_t at,
                   const std::uint8_t* record) {
  std::memmove(data + at + kRecord, data + at, size - at);
  std::memcpy(data + at, record, kRecord);
  return size + kRecord;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  std::minstd_rand random(seed);
  const std::size_t records = size > kHeader ? (size - kHeader) / kRecord : 0;
  const auto place = [&] { return kHeader + kRecord * (random() % records); };
  const bool room = size >= kHeader && size + kRecord <= max_size;
  std::uint8_t record[kRecord] = {};
  switch (random() % 8) {
    case 0:  // a new record
      if (!room) break;
      for (std::uint8_t& byte : record) byte = static_cast<std::uint8_t>(random() >> 8);
      if (random() % 2 == 0)
        std::fill(record + 1 + random() % 4, record + kRecord, std::uint8_t{0});
      return insert(data, size, records == 0 ? size : place(), record);
    case 1: {  // one again, elsewhere
      if (!room || records == 0) break;
      std::memcpy(record, data + place(), kRecord);
      return insert(data, size, place(), record);
    }
    case 2: {  // one out
      if (records < 2) break;
      const std::size_t at = place();
      std::memmove(data + at, data + at + kRecord, size - at - kRecord);
      return size - kRecord;
    }
    case 3: {  // two change places
      if (records < 2) break;
      const std::size_t at = place();
      std::memcpy(record, data + at, kRecord);
      const std::size_t to = place();
      std::memmove(data + at, data + to, kRecord);
      std::memcpy(data + to, record, kRecord);
      return size;
    }
    case 4:  // the kind of one
      if (records == 0) break;
      data[place()] = static_cast<std::uint8_t>(random() >> 8);
      return size;
    case 5: {  // a byte of one
      if (records == 0) break;
      data[place() + random() % kRecord] = static_cast<std::uint8_t>(random() >> 8);
      return size;
    }
    case 6:  // a byte of the header
      if (size < kHeader) break;
      data[random() % kHeader] = static_cast<std::uint8_t>(random() >> 8);
      return size;
    default:
      break;
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
