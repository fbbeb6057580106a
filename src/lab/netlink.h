/* SPDX-License-Identifier: MIT
 *
 * Interfaces of the network namespace that the caller is in, over rtnetlink(7) and ethtool's
 * ioctl: all that ip(8) and ethtool(8) would be called for. 0 or a negative errno.
 */
#ifndef LAB_NETLINK_H
#define LAB_NETLINK_H

/* A veth pair: one end here, the other in `peer_net`, a descriptor of a namespace. */
int lab_link_pair(const char *name, const char *peer_name, int peer_net);
int lab_link_up(const char *name);
int lab_link_address(const char *name, const char *address, unsigned char prefix);

/* What is sent has its checksums, and is no longer than a segment may be on a wire: veth leaves
 * both to a hardware that is not there. */
int lab_link_plain_frames(const char *name);

#endif
