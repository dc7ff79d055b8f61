#include "net/os/udp_filter.hpp"

#include "net/frames.hpp"
#include "net/os/descriptor.hpp"
#include "net/stun.hpp"

#include <sys/socket.h>

namespace lanrage::net::os {

namespace {

sock_filter statement(int code, std::uint32_t operand) {
  return {static_cast<std::uint16_t>(code), 0, 0, operand};
}

sock_filter if_equal(std::uint32_t operand, std::uint8_t then, std::uint8_t otherwise) {
  return {BPF_JMP | BPF_JEQ | BPF_K, then, otherwise, operand};
}

} // namespace

std::vector<sock_filter> udp_filter(std::uint16_t port, ip_family family, port_range spare) {
  const bool four = family == ip_family::v4;
  const int relative = four ? BPF_IND : BPF_ABS; // IPv4: relative to the IP header's length
  std::vector<sock_filter> out;
  if (four) out.push_back(statement(BPF_LDX | BPF_B | BPF_MSH, 0));
  // Jumps count from the instruction behind; the last two are "refuse" and "accept". A load
  // beyond the end of the packet refuses it by itself. No spare ports: a range that nothing is in.
  const std::uint32_t spare_first = spare.count == 0 ? 0x10000 : spare.first;
  const std::uint32_t spare_end = spare_first + spare.count;
  out.insert(out.end(), {
                            statement(BPF_LD | BPF_H | relative, 2), // destination port
                            if_equal(port, 2, 0),
                            {BPF_JMP | BPF_JGE | BPF_K, 0, 9, spare_first},
                            {BPF_JMP | BPF_JGE | BPF_K, 8, 0, spare_end},
                            statement(BPF_LD | BPF_W | relative, 8), // payload 0..3
                            if_equal(frame_magic, 7, 0),
                            statement(BPF_ALU | BPF_RSH | BPF_K, 16),
                            if_equal(0x0001, 2, 0),
                            if_equal(0x0101, 1, 0),
                            if_equal(0x0111, 0, 2),
                            statement(BPF_LD | BPF_W | relative, 12), // payload 4..7
                            if_equal(stun::magic_cookie, 1, 0),
                            statement(BPF_RET | BPF_K, 0),
                            statement(BPF_RET | BPF_K, 0xffffffff),
                        });
  return out;
}

result<void> attach_filter(int socket, std::vector<sock_filter> program) {
  const sock_fprog all{static_cast<unsigned short>(program.size()), program.data()};
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all) != 0)
    return last_error("attach filter");
  return {};
}

} // namespace lanrage::net::os
