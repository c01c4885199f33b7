#pragma once

#include <cstddef>

namespace sallyport {

namespace detail {
/// Stands for a value of any type where nothing is evaluated.
struct Anything {
  template <typename T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};
}  // namespace detail

/// How many fields an aggregate has, so that a table can be held to have a row for each of them.
template <typename T, typename... Values>
consteval std::size_t count_fields() {
  if constexpr (requires { T{Values{}..., detail::Anything{}}; }) {
    return count_fields<T, Values..., detail::Anything>();
  } else {
    return sizeof...(Values);
  }
}

}  // namespace sallyport
