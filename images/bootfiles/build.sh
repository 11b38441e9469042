#!/bin/bash
# Collects the first-stage boot files that a rack serves, from Debian's packages, into the cache. Prints the folder.
HERE=$(cd "$(dirname "$0")" && pwd)
WHAT="boot files"
# shellcheck source=../lib.sh
. "$HERE/../lib.sh"

# name as served : where the package puts it
FILES="
undionly.kpxe:/usr/lib/ipxe/undionly.kpxe
snponly.efi:/usr/lib/ipxe/snponly.efi
ipxe.efi:/usr/lib/ipxe/ipxe.efi
shimx64.efi:/usr/lib/shim/shimx64.efi.signed
mmx64.efi:/usr/lib/shim/mmx64.efi.signed
grubx64.efi:/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed
grub-disk-x64.efi:/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed
"

target=$CACHE/images/bootfiles/$({
  cat "$HERE/build.sh"
  for line in $FILES; do stat -c '%n %s %Y' "${line#*:}"; done
} | sha256sum | cut -c1-16)
if [ ! -e "$target/manifest.json" ]; then
  lock bootfiles
  scratch
  mkdir "$TMP/out"
  entries=
  for line in $FILES; do
    name=${line%%:*}
    cp "${line#*:}" "$TMP/out/$name"
    entries+="${entries:+,}
  \"$name\": { \"sha256\": \"$(sha "$TMP/out/$name")\", \"sizeBytes\": $(size "$TMP/out/$name") }"
  done
  echo "{$entries
}" >"$TMP/out/manifest.json"
  publish "$TMP/out" "$target"
  say "collected $target"
fi
echo "$target"
