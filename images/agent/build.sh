#!/bin/bash
# Builds the agent's ramdisk, or finds it in the cache. Prints the folder that holds vmlinuz, initrd.img and
# manifest.json. Layers, each cached by a hash of what it is made from:
#   root    Debian packages + kernel modules + Node, as a squashfs (minutes)
#   agent   the first stage + the above + init and src/bin/agent.ts, bundled, in a last little cpio (a second)
# One initrd of three parts: that works with every loader.
# build.sh [AGENT_MJS]   AGENT_MJS takes the place of the bundle (to measure with a stand-in)
HERE=$(cd "$(dirname "$0")" && pwd)
REPO=$(cd "$HERE/../.." && pwd)
WHAT="agent image"
# shellcheck source=../lib.sh
. "$HERE/../lib.sh"
NODE=$REPO/node_modules/node/bin/node
export SOURCE_DATE_EPOCH=1700000000

scratch

# --- root -----------------------------------------------------------------------------------------------------------

fetch_kernel() { # the customize hook's text: the kernel's files, without installing it in the root
  cat <<'H'
cd "$TMP/debs"
export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
apt-get -q download "$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: //p')" >/dev/null 2>&1
dpkg -x linux-image-*.deb "$TMP/kernel"
H
}

trim_root() { # ROOT: what the agent never runs
  local r=$1
  rm -rf "$r"/usr/bin/perl* "$r"/usr/share/perl* "$r"/usr/lib/*/perl* "$r"/usr/lib/*/gconv "$r"/usr/lib/*/libperl* \
    "$r"/etc/{apt,cron*,init.d,rc*.d,logcheck,initramfs-tools,perl,default} "$r"/var/{cache,lib,log,backups}/* \
    "$r"/usr/share/{bash-completion,bug,debconf,dict,doc*,info,initramfs-tools,keyrings,lintian,locale,man,menu,perl5,zsh,polkit-1,zoneinfo,tabset,common-licenses,base-*,pam*,reportbug,gdb} \
    "$r"/usr/lib/{apt,dpkg,init,systemd/system,systemd/user,tmpfiles.d,sysusers.d,modules-load.d,kernel,modprobe.d/systemd.conf} \
    "$r"/usr/lib/udev/{hwdb.d,hwdb.bin} "$r"/usr/bin/{dpkg*,apt*,localedef,iconv,systemd-hwdb} "$r"/boot
  # Rules for what servers lack; and those that would assemble arrays and volumes by themselves, which must not
  # happen to disks that are to be examined or erased.
  find "$r/usr/lib/udev/rules.d" -type f ! -name '50-udev-default.rules' ! -name '55-dm.rules' ! -name '60-block.rules' \
    ! -name '60-persistent-storage*.rules' ! -name '60-cdrom_id.rules' ! -name '80-drivers.rules' \
    ! -name '63-md-raid-arrays.rules' ! -name '95-dm-notify.rules' -delete
}

add_modules() { # ROOT: the modules of the list, with all that they depend on
  local r=$1 src version path
  src=$(echo "$TMP"/kernel/lib/modules/*)
  version=${src##*/}
  depmod -b "$TMP/kernel" "$version"
  mkdir -p "$r/lib/modules/$version"
  for path in $(sed 's/#.*//' "$HERE/modules"); do
    [ -e "$src/kernel/$path" ] || { say "no module kernel/$path in $version"; exit 1; }
    find "$src/kernel/$path" -name '*.ko' -printf "kernel/%P\n" | sed "s#^kernel/#kernel/$path/#; s#/\$##"
  done >"$TMP/wanted"
  awk -F'[: ]+' 'NR==FNR {want[$1]; next} $1 in want {for (i=1; i<=NF; i++) if ($i) print $i}' \
    "$TMP/wanted" "$src/modules.dep" | sort -u | tar -C "$src" -cf - -T - | tar -C "$r/lib/modules/$version" -xf -
  cp "$src"/modules.order "$src"/modules.builtin* "$r/lib/modules/$version/"
  depmod -b "$r" "$version"
  echo "$version" >"$TMP/version"
}

pack() { # DIR: what it holds as a plain cpio, to stdout
  find "$1" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
  (cd "$1" && find . -mindepth 1 | sort | cpio -o -H newc --quiet --reproducible -R 0:0)
}

build_root() { # TARGET
  local out=$TMP/out root=$TMP/root m
  mkdir -p "$out/stage1"/{bin,lib,proc,sys,dev} "$out/squashfs" "$TMP/debs"
  export TMP
  say "installing Debian packages (about a minute)"
  debootstrap_root "$root" "$HERE/packages" --variant=essential --customize-hook="$(fetch_kernel)"
  say "packing"
  dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Package} ${Version}\n' >"$out/packages.txt"
  trim_root "$root"
  add_modules "$root"
  strip -o "$root/usr/bin/node" "$NODE"
  cp "$root/bin/busybox" "$out/stage1/bin/"
  for m in sh mount mkdir mv insmod switch_root; do ln -s busybox "$out/stage1/bin/$m"; done
  for m in loop squashfs overlay; do cp "$(find "$root/lib/modules" -name $m.ko)" "$out/stage1/lib/"; done
  mksquashfs "$root" "$out/squashfs/root.squashfs" -comp zstd -Xcompression-level 12 -b 128K \
    -all-root -noappend -quiet -no-progress >&2
  cp "$TMP"/kernel/boot/vmlinuz-* "$out/vmlinuz"
  cp "$TMP/version" "$out/version"
  publish "$out" "$1"
  say "root: $(($(size "$1/squashfs/root.squashfs") / 1048576)) MiB with kernel $(cat "$1/version")"
}

# --- agent ----------------------------------------------------------------------------------------------------------

build_agent() { # ROOT_DIR MJS TARGET
  local out=$TMP/final code=$TMP/code/steelyard
  mkdir -p "$out" "$code"
  cp "$1/vmlinuz" "$out/"
  cp -a "$1/stage1" "$TMP/stage1"
  install -m755 "$HERE/stage1" "$TMP/stage1/init"
  install -m755 "$HERE/init" "$HERE/udhcpc" "$code/"
  install -m644 "$HERE/gate.mjs" "$code/"
  install -m644 "$2" "$code/agent.mjs"
  pack "$TMP/stage1" | zstd -q -19 >"$out/initrd.img"
  truncate -s %4 "$out/initrd.img"
  { pack "$1/squashfs"; pack "$TMP/code"; } >>"$out/initrd.img"
  cat >"$out/manifest.json" <<M
{
  "kernel": { "file": "vmlinuz", "sha256": "$(sha "$out/vmlinuz")", "sizeBytes": $(size "$out/vmlinuz") },
  "initrd": { "file": "initrd.img", "sha256": "$(sha "$out/initrd.img")", "sizeBytes": $(size "$out/initrd.img") },
  "kernelVersion": "$(cat "$1/version")",
  "nodeVersion": "$("$NODE" --version)",
  "built": "$(date -u +%FT%TZ)"
}
M
  publish "$out" "$3"
}

mjs=${1:-}
if [ -z "$mjs" ]; then
  mjs=$TMP/agent.mjs
  (cd "$REPO" && node_modules/.bin/esbuild src/bin/agent.ts --bundle --platform=node --format=esm --target=node24 \
    --log-level=warning --outfile="$mjs")
fi
root=$CACHE/images/agent-root/$(
  { digest "$HERE"/{build.sh,packages,modules} "$HERE/../lib.sh"; "$NODE" --version; } | sha256sum | cut -c1-16
)
target=$CACHE/images/agent/$(
  { echo "$root"; digest "$HERE"/{stage1,init,udhcpc,gate.mjs}; sha "$mjs"; } | sha256sum | cut -c1-16
)
if [ ! -e "$target/manifest.json" ]; then
  lock agent-image
  [ -e "$root/version" ] || build_root "$root"
  [ -e "$target/manifest.json" ] || { build_agent "$root" "$mjs" "$target"; say "built $target"; }
fi
touch "$root" "$target"
prune "$CACHE/images/agent" 3
prune "$CACHE/images/agent-root" 2
echo "$target"
