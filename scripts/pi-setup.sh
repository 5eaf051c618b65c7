#!/usr/bin/env bash
# Sets up the agent on a Raspberry Pi OS (Debian 12 or newer) from a checkout of this repository: a user of its own, a
# configuration to fill in, a service. Run it again after an update: what you have configured stays as it is.
#   sudo scripts/pi-setup.sh
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
install_dir=/opt/surgeon

fail() {
  echo "pi-setup: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail "must run as root: sudo $0"
command -v node >/dev/null || fail "Node is missing: sudo apt-get install nodejs npm"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "Node must be 20.19 or newer, current version is $(node --version)"
command -v npm >/dev/null || fail "npm is missing: sudo apt-get install npm"

id surgeon >/dev/null 2>&1 || useradd --system --home-dir /var/lib/surgeon --shell /usr/sbin/nologin surgeon

echo "pi-setup: building in $here"
(cd "$here" && npm ci && npm run build)
mkdir -p "$install_dir" /etc/surgeon
cp -a "$here/dist" "$here/models" "$here/photos" "$here/node_modules" "$here/package.json" "$install_dir/"
ln -sf "$install_dir/dist/cli/surgeon.js" /usr/local/bin/surgeon

if [ ! -e /etc/surgeon/agent.yaml ]; then
  install -m 640 -g surgeon "$here/deploy/agent.example.yaml" /etc/surgeon/agent.yaml
  echo "pi-setup: edit /etc/surgeon/agent.yaml, then: sudo systemctl enable --now surgeon-agent"
fi
install -m 644 "$here/deploy/systemd/surgeon-agent.service" /etc/systemd/system/surgeon-agent.service
systemctl daemon-reload
surgeon agent --check-config /etc/surgeon/agent.yaml && echo "pi-setup: the configuration is valid"
