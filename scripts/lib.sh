# Shared by the scripts in this folder; sourced, never run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Installed peers live outside the tree, so that `go list ./...` never walks into them and a
# fresh clone finds them again.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/keyway-test
mkdir -p "$cache"

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# need_packages PACKAGE… installs Debian packages; called only when a command is missing.
need_packages() {
  command -v apt-get >/dev/null || die "missing: $* (this script installs them only with apt-get)"
  say "installing $* with apt-get"
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
  # The package lists may be absent or stale; they are fetched only when the install fails.
  as_root "${install[@]}" </dev/null >"$cache/apt.log" 2>&1 && return
  as_root apt-get update -q </dev/null >"$cache/apt.log" 2>&1 || die "apt-get update failed: $(tail -3 "$cache/apt.log")"
  as_root "${install[@]}" </dev/null >"$cache/apt.log" 2>&1 || die "apt-get could not install $*: $(tail -5 "$cache/apt.log")"
}

# need COMMAND PACKAGE… makes sure of a command.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null || need_packages "$@"
}

# key FILE… is a short name for the contents of the files.
key() { cat "$@" | sha256sum | cut -c1-16; }

# once FOLDER COMMAND… fills a cache folder; a half-made one is thrown away and made again.
once() {
  local folder=$1
  shift
  [ -e "$folder/.complete" ] && return
  rm -rf "$folder"
  mkdir -p "$folder"
  "$@" || die "could not fill $folder"
  touch "$folder/.complete"
}

# locked COMMAND… keeps two runs from filling the cache at once.
locked() {
  exec 9>"$cache/lock"
  flock 9
  "$@"
  exec 9>&-
}
