// The part of CTun that is not hot: opening a TUN and configuring its interface by ioctl and /proc,
// as `ip` would, but without it. See CTun.h for what each function promises.

#include "CTun.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>

_Static_assert((TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) == CTUN_OFFLOAD_ALL, "");
_Static_assert(TUN_F_CSUM == CTUN_OFFLOAD_CHECKSUM, "");

// One interface request on a socket of the caller's network namespace.
static int interface_ioctl(unsigned long request, struct ifreq *argument) {
  int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return -errno;
  int result = ioctl(socket_, request, argument) < 0 ? -errno : 0;
  close(socket_);
  return result;
}

static struct ifreq request_for(const char *name) {
  struct ifreq request = {0};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  return request;
}

static struct sockaddr socket_address(uint32_t address) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
  struct sockaddr any;
  memcpy(&any, &v4, sizeof any);
  return any;
}

int ctun_open(void) {
  int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

int ctun_attach(int descriptor, const char *name, bool vnet_header, bool multi_queue) {
  struct ifreq request = request_for(name);
  request.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | (vnet_header ? IFF_VNET_HDR : 0) |
                              (multi_queue ? IFF_MULTI_QUEUE : 0));
  return ioctl(descriptor, TUNSETIFF, &request) < 0 ? -errno : 0;
}

int ctun_set_vnet_header_size(int descriptor, int size) {
  return ioctl(descriptor, TUNSETVNETHDRSZ, &size) < 0 ? -errno : 0;
}

int ctun_set_offloads(int descriptor, unsigned offloads) {
  return ioctl(descriptor, TUNSETOFFLOAD, (unsigned long)offloads) < 0 ? -errno : 0;
}

int ctun_interface_index(const char *name) {
  struct ifreq request = request_for(name);
  int result = interface_ioctl(SIOCGIFINDEX, &request);
  return result < 0 ? result : request.ifr_ifindex;
}

int ctun_get_mtu(const char *name) {
  struct ifreq request = request_for(name);
  int result = interface_ioctl(SIOCGIFMTU, &request);
  return result < 0 ? result : request.ifr_mtu;
}

int ctun_set_mtu(const char *name, int mtu) {
  struct ifreq request = request_for(name);
  request.ifr_mtu = mtu;
  return interface_ioctl(SIOCSIFMTU, &request);
}

int ctun_set_address(const char *name, uint32_t address, uint32_t mask, uint32_t peer) {
  struct ifreq request = request_for(name);
  request.ifr_addr = socket_address(address);
  int result = interface_ioctl(SIOCSIFADDR, &request);
  if (result < 0) return result;
  if (peer) {
    request.ifr_dstaddr = socket_address(peer);
    return interface_ioctl(SIOCSIFDSTADDR, &request);
  }
  request.ifr_netmask = socket_address(mask);
  return interface_ioctl(SIOCSIFNETMASK, &request);
}

int ctun_set_queue_length(const char *name, int frames) {
  struct ifreq request = request_for(name);
  request.ifr_qlen = frames;
  return interface_ioctl(SIOCSIFTXQLEN, &request);
}

int ctun_set_up(const char *name) {
  struct ifreq request = request_for(name);
  int result = interface_ioctl(SIOCGIFFLAGS, &request);
  if (result < 0) return result;
  request.ifr_flags |= IFF_UP;
  return interface_ioctl(SIOCSIFFLAGS, &request);
}

int ctun_is_up(const char *name) {
  struct ifreq request = request_for(name);
  int result = interface_ioctl(SIOCGIFFLAGS, &request);
  return result < 0 ? result : (request.ifr_flags & IFF_UP) != 0;
}

int ctun_disable_ipv6(const char *name) {
  char path[96];
  snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  int result = write(file, "1", 1) < 0 ? -errno : 0;
  close(file);
  return result;
}

int64_t ctun_read_interface_file(const char *name, const char *file_name) {
  char path[128], text[32];
  snprintf(path, sizeof path, "/sys/class/net/%s/%s", name, file_name);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  ssize_t count = read(file, text, sizeof text - 1);
  int64_t result = -errno;
  close(file);
  if (count < 0) return result;
  text[count] = 0;
  return strtoll(text, NULL, 0);
}

int ctun_random(void *buffer, size_t size) {
  // Up to 256 octets come whole once the kernel's source is ready, which this waits for.
  ssize_t count = getrandom(buffer, size, 0);
  return count == (ssize_t)size ? 0 : count < 0 ? -errno : -EIO;
}

int ctun_event_open(void) {
  int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

int ctun_wait(int device, int event, int64_t nanoseconds) {
  struct pollfd waits[2] = {{device, POLLIN, 0}, {event, POLLIN, 0}};
  struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  if (ppoll(waits, 2, nanoseconds < 0 ? NULL : &time, NULL) <= 0) return 0;
  return (waits[0].revents ? CTUN_DEVICE_READY : 0) | (waits[1].revents ? CTUN_EVENT_READY : 0);
}

int ctun_wait_for_two(int device, int other, int event, int64_t nanoseconds) {
  struct pollfd waits[3] = {{device, POLLIN, 0}, {other, POLLIN, 0}, {event, POLLIN, 0}};
  struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  if (ppoll(waits, 3, nanoseconds < 0 ? NULL : &time, NULL) <= 0) return 0;
  return (waits[0].revents ? CTUN_DEVICE_READY : 0) | (waits[1].revents ? CTUN_OTHER_READY : 0) |
         (waits[2].revents ? CTUN_EVENT_READY : 0);
}

int ctun_set_timer_slack(unsigned long nanoseconds) {
  return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0) < 0 ? -errno : 0;
}

int ctun_unshare_network(void) { return unshare(CLONE_NEWNET) < 0 ? -errno : 0; }
