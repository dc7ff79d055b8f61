#pragma once

#include <caf/mailbox_element.hpp>
#include <caf/typed_actor.hpp>

#include <boost/core/demangle.hpp>

#include <string>
#include <typeinfo>
#include <vector>

/// Every kind of message that a typed actor takes, for letting it die of each.
namespace lanrage::test {

/// One kind of message that an actor takes.
struct handled {
  std::string actor;
  std::string message;
  bool (*is)(caf::mailbox_element&) = nullptr;
};

inline std::string name_of(const std::type_info& type) {
  const auto full = boost::core::demangle(type.name());
  return full.substr(full.rfind(':') + 1);
}

template <class T>
bool is_a(caf::mailbox_element& element) {
  auto& all = element.content();
  return all.size() == 1 && all.match_element<T>(0);
}

/// Straight from the interfaces: a message that is added there is tested here.
template <class Interface>
struct messages_of;
template <class... In, class... Out>
struct messages_of<caf::typed_actor<caf::typed_mpi<caf::detail::type_list<In>, Out>...>> {
  static void add(std::vector<handled>& to, const std::string& actor) {
    (to.push_back({actor, name_of(typeid(In)), &is_a<In>}), ...);
  }
};

/// When an actor dies of a message.
enum class when { instead, after };

} // namespace lanrage::test
