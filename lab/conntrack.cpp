#include "lab/conntrack.hpp"

#include "lab/failure.hpp"
#include "lab/netns.hpp"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

namespace lanrage::lab {

namespace {

struct delete_request {
  nlmsghdr header;
  nfgenmsg body;
};

struct answer {
  nlmsghdr header;
  nlmsgerr error;
};

void delete_all(int socket, unsigned char family) {
  delete_request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.body.nfgen_family = family;
  request.body.version = NFNETLINK_V0;
  if (::send(socket, &request, sizeof request, 0) != ssize_t(sizeof request))
    throw_errno("ask to forget connections");
  answer a{};
  auto n = ::recv(socket, &a, sizeof a, MSG_TRUNC);
  if (n < ssize_t(sizeof a) || a.header.nlmsg_type != NLMSG_ERROR)
    throw failure("forgetting connections: no proper answer");
  if (a.error.error != 0) throw_errno("forget connections", -a.error.error);
}

} // namespace

void flush_conntrack(int net_ns) {
  in_netns(net_ns, [] {
    unique_fd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
    if (!socket) throw_errno("open netfilter netlink");
    timeval limit{2, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    delete_all(socket.get(), AF_INET);
    delete_all(socket.get(), AF_INET6);
  });
}

} // namespace lanrage::lab
