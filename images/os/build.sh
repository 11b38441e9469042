#!/bin/bash
# Builds the OS image for tests and the demo, or finds it in the cache. Prints the folder that holds os.raw,
# os.raw.zst and manifest.json. UEFI, also with Secure Boot: the ESP holds shim and Debian's signed GRUB. The root is
# the partition that is physically last, so that it can grow; cloud-init finds its seed by the label CIDATA.
# SOURCE_DATE_EPOCH is not set: with it Python's byte code would be checked against its source at each start.
# Nothing is mounted, no loop device is used, and the host's kernel needs no VFAT.
HERE=$(cd "$(dirname "$0")" && pwd)
WHAT="OS image"
# shellcheck source=../lib.sh
. "$HERE/../lib.sh"

ESP_MIB=64
TOTAL_MIB=1280
SHIM=/usr/lib/shim/shimx64.efi.signed
GRUB=/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed


install_files() { # text of a hook: our files, before the kernel's initramfs is made
  printf 'cp -rT %q "$1"; chmod -R go=rX,u=rwX "$1"/etc/cloud "$1"/etc/systemd\n' "$HERE/files"
}

finish() { # text of a hook
  cat <<'H'
chroot "$1" systemctl -q enable systemd-networkd serial-getty@ttyS0
chroot "$1" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer systemd-pstore.service cloud-init-hotplugd.socket modprobe@dm_mod.service \
  modprobe@loop.service modprobe@drm.service modprobe@fuse.service dev-hugepages.mount sys-kernel-debug.mount \
  sys-kernel-tracing.mount sys-fs-fuse-connections.mount 2>/dev/null
echo localhost >"$1/etc/hostname"
rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/* "$1"/var/log/* "$1"/etc/ssh/ssh_host_* "$1"/etc/resolv.conf
: >"$1/etc/machine-id" # empty: a new one at each installation, without systemd's first-boot presets
ln -sf "boot/$(cd "$1/boot" && echo vmlinuz-*)" "$1/vmlinuz"
ln -sf "boot/$(cd "$1/boot" && echo initrd.img-*)" "$1/initrd.img"
H
}

first_sector() { sgdisk -i "$1" "$2" | awk '/First sector/ {print $3}'; }
sectors() { sgdisk -i "$1" "$2" | awk '/Partition size/ {print $3}'; }
place() { # FILE RAW FIRST_SECTOR
  dd if="$1" of="$2" bs=1M seek=$(($3 * 512)) oflag=seek_bytes conv=notrunc,sparse status=none
}

make_disk() { # ROOT RAW
  local raw=$2 esp=$TMP/esp fs=$TMP/fs
  truncate -s "${TOTAL_MIB}M" "$raw"
  sgdisk -n 15:2048:+${ESP_MIB}M -t 15:ef00 -c 15:ESP -n 1:0:0 -t 1:8304 -c 1:root "$raw" >/dev/null
  mkfs.vfat -C -n ESP "$esp" $((ESP_MIB * 1024)) >/dev/null
  mmd -i "$esp" ::EFI ::EFI/BOOT ::EFI/debian
  mcopy -i "$esp" "$SHIM" ::EFI/BOOT/BOOTX64.EFI
  mcopy -i "$esp" "$GRUB" ::EFI/BOOT/grubx64.efi
  mcopy -i "$esp" "$SHIM" ::EFI/debian/shimx64.efi
  mcopy -i "$esp" "$GRUB" ::EFI/debian/grubx64.efi
  mcopy -i "$esp" "$HERE/grub.cfg" ::EFI/debian/grub.cfg
  truncate -s $(($(sectors 1 "$raw") * 512)) "$fs"
  mkfs.ext4 -q -F -L steelyard-root -m 1 -d "$1" "$fs"
  place "$esp" "$raw" "$(first_sector 15 "$raw")"
  place "$fs" "$raw" "$(first_sector 1 "$raw")"
  rm "$esp" "$fs"
}

build() { # TARGET
  local out=$TMP/out
  mkdir -p "$out"
  say "installing Debian packages (about a minute and a half)"
  debootstrap_root "$TMP/root" "$HERE/packages" --variant=minbase \
    --essential-hook="$(install_files)" --customize-hook="$(finish)"
  say "making the disk"
  dpkg-query --admindir="$TMP/root/var/lib/dpkg" -W -f '${Package} ${Version}\n' >"$out/packages.txt"
  make_disk "$TMP/root" "$out/os.raw"
  say "compressing"
  zstd -q -T0 -6 "$out/os.raw" -o "$out/os.raw.zst"
  cat >"$out/manifest.json" <<M
{
  "raw": { "file": "os.raw", "sha256": "$(sha "$out/os.raw")", "sizeBytes": $(size "$out/os.raw") },
  "zst": { "file": "os.raw.zst", "sha256": "$(sha "$out/os.raw.zst")", "sizeBytes": $(size "$out/os.raw.zst") },
  "os": { "name": "debian", "version": "$(cat "$TMP/root/etc/debian_version")" },
  "kernelVersion": "$(basename "$TMP"/root/lib/modules/*)",
  "built": "$(date -u +%FT%TZ)"
}
M
  publish "$out" "$1"
  say "built $1 ($(($(size "$1/os.raw.zst") / 1048576)) MiB compressed)"
}

target=$CACHE/images/os/$(digest "$HERE"/{build.sh,packages,grub.cfg} "$HERE/../lib.sh" $(find "$HERE/files" -type f | sort))
if [ ! -e "$target/manifest.json" ]; then
  lock os-image
  scratch
  [ -e "$target/manifest.json" ] || build "$target"
fi
touch "$target"
prune "$CACHE/images/os" 2
echo "$target"
