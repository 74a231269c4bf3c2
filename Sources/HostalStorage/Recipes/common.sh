# What every recipe shares. Read by the recipes with `source`; the caller has already set the variables that `arguments` names.

# Reads the arguments that ImageBuilder passes to every recipe.
#   suite    Debian's code name: bookworm, trixie
#   disk     size of the guest's disk, in MiB
#   output   the qcow2 file to write
#   cache    directory of .deb files: read at the start, and left with exactly what this build used
#   scratch  private directory for everything else; the builder removes it, and what killed builds left beside it goes now
arguments() {
  [ $# = 5 ] || { echo "usage: $0 SUITE DISK_MIB OUTPUT CACHE SCRATCH" >&2; exit 2; }
  suite=$1 disk=$2 output=$3 cache=$4 scratch=$5
  mkdir -p "$cache"
  find "$(dirname "$scratch")" -maxdepth 1 -name 'scratch-*' ! -path "$scratch" -exec rm -rf --one-file-system {} +
}

# A line that the operator sees; everything else is shown only when the build fails.
step() { printf '==> %s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# The Debian mirror with this label (Debian, Debian-Security) in the configuration of the machine's own apt; nothing when it has none.
# No mirror is named here: the company that runs Hostal chose one when it configured apt.
mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Label: $1" | sort -u | head -n 1
}

# Writes the apt sources of the suite to a file, for the build and for the guest alike.
write_sources() {
  local main security keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  main=$(mirror Debian)
  security=$(mirror Debian-Security)
  [ -n "$main" ] || fail "apt knows no Debian mirror: configure one and run apt-get update"
  printf 'Types: deb\nURIs: %s\nSuites: %s %s-updates\nComponents: main\nSigned-By: %s\n' \
    "$main" "$suite" "$suite" "$keyring" > "$1"
  [ -z "$security" ] || printf '\nTypes: deb\nURIs: %s\nSuites: %s-security\nComponents: main\nSigned-By: %s\n' \
    "$security" "$suite" "$keyring" >> "$1"
}

# install VARIANT PACKAGES ROOT [mmdebstrap's options]: fills ROOT from Debian's packages, through the .deb cache.
install_packages() {
  local variant=$1 packages=$2 root=$3
  shift 3
  export cache
  # essential/unlink and cleanup/apt/cache would delete the packages before they reach our cache.
  # unsafe-io: a build that dies is thrown away, so dpkg need not fsync every file.
  # autoclean drops packages that the mirror has replaced by newer ones: the cache stays about one build's size.
  mmdebstrap --mode=root --variant="$variant" --format=directory --include="$packages" \
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' --dpkgopt=force-unsafe-io \
    --skip=essential/unlink --skip=cleanup/apt/cache \
    --setup-hook='mkdir -p "$1/var/cache/apt/archives"; find "$cache" -name "*.deb" -exec cp -t "$1/var/cache/apt/archives" {} +' \
    --extract-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq autoclean' \
    "$@" "$suite" "$root" - < "$scratch/debian.sources" >&2
  # A whole new set replaces the old one: a build that dies here leaves the old cache or none, never half a package.
  rm -rf "$cache.new"
  mkdir "$cache.new"
  find "$root/var/cache/apt/archives" -name '*.deb' -exec mv -t "$cache.new" {} +
  rm -rf "$cache"
  mv "$cache.new" "$cache"
}

# A UUID that follows from a name: clones of one image find their own parts, and another image's never match.
uuid_of() {
  local h
  h=$(printf '%s' "$1" | sha256sum)
  printf '%s-%s-8%s-8%s-%s\n' "${h:0:8}" "${h:8:4}" "${h:12:3}" "${h:15:3}" "${h:18:12}"
}

# little_endian VALUE BYTES: the value as raw bytes.
little_endian() {
  local value=$1 n=$2
  while [ $((n--)) -gt 0 ]; do
    printf "\\x$(printf %02x $((value & 255)))"
    value=$((value >> 8))
  done
}

# write_at FILE OFFSET: standard input over the file's bytes from there on.
write_at() { dd of="$1" bs=64K oflag=seek_bytes seek="$2" conv=notrunc,sparse iflag=fullblock status=none; }

# install_bios_loader DISK BOOT_IMG CORE_IMG SECTOR: what grub-bios-setup does, without needing a block device.
# boot.img goes into the MBR before the partition table, core.img to SECTOR, and each is told where the next one is.
install_bios_loader() {
  local disk=$1 boot=$2 core=$3 sector=$4 sectors
  truncate -s %512 "$core"
  sectors=$(($(stat -c %s "$core") / 512))
  [ "$sectors" -le 2047 ] || fail "cannot install the boot loader: $sectors sectors; there is room for 2047"
  head -c 440 "$boot" | dd of="$disk" conv=notrunc status=none
  little_endian "$sector" 8 | dd of="$disk" bs=1 seek=$((0x5c)) conv=notrunc status=none
  # Two NOPs switch off a check of the drive number that is meant for floppy disks.
  printf '\x90\x90' | dd of="$disk" bs=1 seek=$((0x66)) conv=notrunc status=none
  dd if="$core" of="$disk" seek="$sector" conv=notrunc status=none
  # The first sector of core.img ends with its block list: where the rest is, how long, and the segment that it is loaded to.
  { little_endian $((sector + 1)) 8; little_endian $((sectors - 1)) 2; little_endian $((0x820)) 2; } |
    dd of="$disk" bs=1 seek=$((sector * 512 + 500)) conv=notrunc status=none
}

# Uncompressed: a compressed base image costs a guest a quarter of its boot's CPU time.
write_output() {
  step "writing the image"
  qemu-img convert -f raw -O qcow2 "$1" "$output"
  sync "$output"
}
