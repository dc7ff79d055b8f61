#include "sim/trace/cut.hpp"

#include "sim/trace/writer.hpp"

#include <utility>

namespace lanrage::sim::trace {
namespace {

class cutting {
 public:
  cutting(reader& from, const cut_options& how, byte_sink& to) : from_(from), how_(how), out_(to) {}

  result<totals> run() {
    if (const auto good = begin(); !good) return good.error();
    for (;;) {
      const auto next = from_.next();
      if (!next) return next.error();
      if (!*next) break;
      take(**next);
    }
    enter();
    if (!written_)
      return problem{from_.name(),
                     0,
                     "no record in that part",
                     "a part of its " + std::to_string(from_.seen().span.count()) + " ns",
                     {}};
    return out_.finish();
  }

 private:
  result<void> begin() {
    auto head = from_.head();
    down_.resize(head.link_count());
    if (how_.until && *how_.until <= how_.from)
      return problem{from_.name(), 0, "an end that is not behind the start", "a part of it", {}};
    if (head.origin_unix_ns) *head.origin_unix_ns += how_.from.count();
    if (!how_.links.empty()) {
      std::vector<link> kept;
      number_.assign(head.link_count(), nobody);
      for (const auto id : how_.links) {
        if (index(id) >= head.link_count() || number_[index(id)] != nobody)
          return problem{from_.name(),
                         0,
                         "link " + std::to_string(index(id)),
                         "different links of 0 to " + std::to_string(head.link_count() - 1),
                         {}};
        number_[index(id)] = kept.size();
        kept.push_back(head.at(id));
      }
      head.links = std::move(kept);
      head.mesh.reset();
    }
    mesh_ = head.mesh.has_value();
    out_.begin(head);
    return {};
  }

  std::size_t new_number(link_id id) const {
    return number_.empty() ? index(id) : number_[index(id)];
  }

  void take(const record& what) {
    const bool of_link = what.kind != record_kind::marker && what.kind != record_kind::block;
    if (of_link && new_number(what.link) == nobody) return;
    if (what.kind == record_kind::block && !mesh_) return;
    if (what.time < how_.from) {
      if (what.kind == record_kind::down) down_[index(what.link)] = true;
      if (what.kind == record_kind::restored) down_[index(what.link)] = false;
      return;
    }
    if (how_.until && what.time >= *how_.until) return;
    enter();
    auto copy = what;
    copy.time -= how_.from;
    if (of_link) copy.link = link_id(new_number(what.link));
    if (!mesh_) copy.cell = false;
    if (copy.kind == record_kind::unknown && !copy.cell && copy.text.empty())
      copy.text = "unmeasured"; // a cell had no room for a reason
    out_.write(copy);
    written_ = true;
  }

  /// Says once what lasts from before the cut.
  void enter() {
    if (std::exchange(entered_, true)) return;
    for (std::size_t i = 0; i < down_.size(); ++i)
      if (down_[i])
        out_.write({record_kind::down, false, {}, link_id(new_number(link_id(i))), {}, {}});
  }

  static constexpr std::size_t nobody = SIZE_MAX;
  reader& from_;
  const cut_options& how_;
  writer out_;
  std::vector<std::size_t> number_; ///< new numbers of the links; empty: as they were
  std::vector<bool> down_;
  bool mesh_ = false;
  bool entered_ = false;
  bool written_ = false; ///< a record of the part itself
};

} // namespace

result<totals> cut(const input& trace, const cut_options& how, byte_sink& to) {
  auto from = reader::open(trace);
  if (!from) return from.error();
  return cutting{*from, how, to}.run();
}

} // namespace lanrage::sim::trace
