#!/bin/sh
# Runs "$@" on a machine of its own (network and mount namespace) that has a world outside: 198.51.100.2, world.example.
# Call it with unshare --net --mount. All of it ends with "$@".
set -eu
here=$(dirname "$0")
ip link set lo up
# The world: a namespace that lives as long as its server.
unshare --net setpriv --pdeathsig KILL "$NODE" "$here/server.ts" "$WORLD_DIR" &
world=$!
while [ "$(readlink "/proc/$world/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add eth0 type veth peer name eth0 netns "$world"
ip addr add 198.51.100.1/24 dev eth0
ip link set eth0 up
ip route add default via 198.51.100.2
nsenter --net --target "$world" ip link set lo up
nsenter --net --target "$world" ip addr add 198.51.100.2/24 dev eth0
nsenter --net --target "$world" ip link set eth0 up
printf '127.0.0.1 localhost own.example\n198.51.100.2 world.example\n169.254.169.254 metadata.example\n' >"$WORLD_DIR/hosts"
mount --bind "$WORLD_DIR/hosts" /etc/hosts
# Nobody serves names out there; who asks is told so at once.
echo 'nameserver 198.51.100.2' >"$WORLD_DIR/resolv.conf"
mount --bind "$WORLD_DIR/resolv.conf" /etc/resolv.conf
# A service of this machine that trusts whoever reaches its loopback address.
setpriv --pdeathsig KILL "$NODE" -e 'require("net").createServer((s) => s.end("secret\n")).listen(8000, "127.0.0.1")' &
exec "$@"
