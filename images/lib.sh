# Words that the image builds share. Sourced by bash scripts; progress goes to stderr, results to stdout.
set -euo pipefail
export LC_ALL=C

# The folder for everything built and downloaded; outside the tree, safe to delete.
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/steelyard

# say TEXT: one progress line for people, with the seconds since the script began.
say() { printf '%s [%3ds] %s\n' "${WHAT:-images}" "$SECONDS" "$*" >&2; }

# digest FILE...: one hash over the given files' names and contents.
digest() { sha256sum "$@" | sed 's#  .*/#  #' | sha256sum | cut -c1-16; }

sha() { sha256sum "$1" | cut -d' ' -f1; }
size() { stat -c %s "$1"; }

# lock NAME: one build of a kind at a time; held until the script ends.
lock() {
  mkdir -p "$CACHE/locks"
  exec 9>"$CACHE/locks/$1"
  flock -n 9 || { say "waiting for another build of $1"; flock 9; }
}

# scratch: makes $TMP beside the cache (a rename must stay on one file system); removed at the end.
scratch() {
  mkdir -p "$CACHE/tmp"
  TMP=$(mktemp -d "$CACHE/tmp/XXXXXXXX")
  trap 'rm -rf --one-file-system "$TMP"' EXIT
  trap 'exit 143' INT TERM
}

# publish DIR TARGET: makes DIR appear as TARGET in one step.
publish() {
  mkdir -p "$(dirname "$2")"
  chmod 755 "$1"
  if [ -e "$2" ]; then mv "$2" "$TMP/replaced"; fi
  mv -T "$1" "$2"
}

# prune DIR KEEP: keeps the newest KEEP builds of DIR, and all that were used in the last day.
prune() {
  find "$1" -mindepth 1 -maxdepth 1 -type d -mmin +1440 -printf '%T@ %p\n' | sort -rn |
    tail -n +$(($2 + 1)) | cut -d' ' -f2- | xargs -r rm -rf --one-file-system
}

# The host's own Debian sources and download settings: no host name of a registry stands in this tree.
debian_sources() {
  apt-get indextargets --format '$(ORIGIN)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sed -n 's/^Debian|//p' | sort -u
}
debian_apt_conf() {
  apt-config dump | grep -E '^Acquire::(Check-|http|https|Retries)' | grep -v '""' || true
}

# debootstrap_root TARGET PACKAGES_FILE [mmdebstrap options...]: Debian with what the file lists.
debootstrap_root() {
  local target=$1 packages=$2
  shift 2
  debian_sources >"$TMP/sources.list"
  [ -s "$TMP/sources.list" ] || { say "no Debian sources in this host's apt configuration"; exit 1; }
  debian_apt_conf >"$TMP/apt.conf"
  mmdebstrap --quiet --mode=root --format=directory --aptopt="$TMP/apt.conf" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --include="$(sed 's/#.*//' "$packages" | xargs | tr ' ' ,)" \
    "$@" bookworm "$target" "$TMP/sources.list" >&2
}
