#!/bin/bash
# A cloud image of Debian from Debian's packages only: GPT, ext4, GRUB for BIOS and UEFI (signed), cloud-init, guest agent.
# Needs root; no loop device, no nbd, no mount of its own. Arguments: see common.sh.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
source "$here/common.sh"
arguments "$@"

case $suite in
  bookworm) version=12 extra= ;;
  trixie) version=13 extra=,systemd-repart ;;
  *) fail "cannot build suite '$suite': bookworm and trixie are known" ;;
esac
packages=systemd-sysv,libpam-systemd,dbus,udev,kmod,procps,iproute2,iputils-ping,netbase,netplan.io,systemd-resolved
packages+=,openssh-server,sudo,cloud-init,cloud-guest-utils,fdisk,e2fsprogs,qemu-guest-agent,python3
packages+=,linux-image-cloud-amd64,initramfs-tools,zstd,grub-cloud-amd64,ca-certificates,tzdata
packages+=,systemd-timesyncd,less,nano,curl,bash-completion,cron$extra

root=$scratch/root overlay=$scratch/overlay
filesystem=$(uuid_of "hostal $suite root")
esp=$(uuid_of "hostal $suite esp")
esp_serial=$(printf '%s' "${esp:0:8}" | tr a-f A-F)
# tsc=reliable: the guest would pick the slow HPET or test the TSC for seconds. cryptomgr.notests, edd=off: probes no VPS needs.
kernel_options='console=tty0 console=ttyS0,115200 tsc=reliable cryptomgr.notests edd=off'

# file PATH [MODE]: a file of the image from standard input.
file() {
  mkdir -p "$overlay/$(dirname "$1")"
  cat > "$overlay/$1"
  chmod "${2:-644}" "$overlay/$1"
}

cloud_init_files() {
  # ds-identify probes for every cloud there is; our guests always have a seed.
  file etc/cloud/ds-identify.cfg <<< 'policy: enabled'
  # The module lists are the ones that make sense on a VPS: each further module is imported at every stage of every boot.
  # growpart is seconds of shell under emulation: systemd-repart and x-systemd.growfs do it before cloud-init starts.
  # netplan: of cloud-init's renderers the only one that gets default routes and accept-ra right in all its releases.
  file etc/cloud/cloud.cfg.d/90_hostal.cfg <<'X'
# Defaults of this image. What the seed says wins.
datasource_list: [NoCloud, ConfigDrive, None]
datasource:
  NoCloud: {fs_label: cidata}
system_info:
  network: {renderers: [netplan]}
# root with an SSH key is the only way in until the seed says otherwise.
users: [{name: root}]
disable_root: false
ssh_pwauth: false
ssh_deletekeys: true
# An RSA key costs seconds and nobody needs one any more.
ssh_genkeytypes: [ed25519, ecdsa]
growpart: {mode: "off"}
resize_rootfs: false
manage_etc_hosts: localhost
# /etc/apt/sources.list.d/debian.sources names the mirror that the image was built from.
apt: {preserve_sources_list: true}
cloud_init_modules: [seed_random, bootcmd, write_files, growpart, resizefs, disk_setup, mounts, set_hostname,
  update_hostname, update_etc_hosts, ca_certs, users_groups, ssh]
cloud_config_modules: [keyboard, locale, set_passwords, apt_configure, ntp, timezone, runcmd]
cloud_final_modules: [package_update_upgrade_install, write_files_deferred, scripts_vendor, scripts_per_once,
  scripts_per_boot, scripts_per_instance, scripts_user, phone_home, final_message, power_state_change]
X
}

system_files() {
  file etc/hostname <<< localhost
  file etc/default/locale <<< LANG=C.UTF-8
  file etc/repart.d/50-root.conf <<< $'[Partition]\nType=root-x86-64'
  file etc/fstab <<X
UUID=$filesystem / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1
UUID=${esp_serial:0:4}-${esp_serial:4:4} /boot/efi vfat umask=0077,nofail,x-systemd.automount,x-systemd.idle-timeout=1min 0 0
X
  # The stock unit waits for every link, also those that the customer leaves unconfigured.
  file etc/systemd/system/systemd-networkd-wait-online.service.d/any.conf <<'X'
[Service]
ExecStart=
ExecStart=/lib/systemd/systemd-networkd-wait-online --any --timeout=30
X
  # Two slow starters that nothing needs before the network is configured.
  for unit in systemd-timesyncd systemd-resolved; do
    file etc/systemd/system/$unit.service.d/later.conf <<< $'[Unit]\nAfter=cloud-init-local.service'
  done
  file etc/default/grub.d/20_hostal.cfg <<X
GRUB_TIMEOUT=0
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="$kernel_options"
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --speed=115200"
GRUB_DISABLE_OS_PROBER=true
X
}

initramfs_files() {
  # A VPS boots from a virtio disk. sr_mod and isofs: cloud-init looks for the seed before udev has loaded anything
  # (Debian's cloud kernel has no AHCI at all: the seed's CD-ROM is a virtio-scsi one).
  file etc/initramfs-tools/conf.d/hostal <<< MODULES=list
  file etc/initramfs-tools/modules <<< $'virtio_pci\nvirtio_blk\nvirtio_scsi\nvirtio_net\nvirtio_rng\nvirtio_console\nsr_mod\nisofs\nata_piix\nsd_mod\next4\nvfat'
  # With the modules named and the root found by its UUID, udev in the initramfs only repeats what the system does later.
  file etc/initramfs-tools/hooks/zz-no-udev 755 <<'X'
#!/bin/sh
[ "$1" = prereqs ] && { echo udev; exit 0; }
rm -f "$DESTDIR/scripts/init-top/udev" "$DESTDIR/scripts/init-bottom/udev"
rm -f "$DESTDIR/usr/lib/systemd/systemd-udevd" "$DESTDIR/usr/bin/udevadm"
rm -rf "$DESTDIR/usr/lib/udev"
X
  # QEMU's emulator keys translated code by address: with randomised addresses it translates libc and Python anew at every exec.
  # Only where the hypervisor calls itself the emulator; under KVM randomisation stays on. The CPU's model name would not do: libvirt's
  # 'maximum' CPU has none. GNU's dd, because the initramfs's own does not seek but reads its way there: 40 s of CPUID.
  file etc/initramfs-tools/hooks/emulated-cpu 755 <<'X'
#!/bin/sh
[ "$1" = prereqs ] && exit 0
. /usr/share/initramfs-tools/hook-functions
copy_exec /bin/dd /usr/lib/hostal/dd
force_load cpuid
X
  # The leaf is 16 bytes, some of them zero, which the shell drops. There is no grep here.
  file etc/initramfs-tools/scripts/init-premount/emulated-cpu 755 <<'X'
#!/bin/sh
[ "$1" = prereqs ] && exit 0
hypervisor=$(/usr/lib/hostal/dd if=/dev/cpu/0/cpuid bs=16 skip=67108864 count=1 2>/dev/null)
case $hypervisor in *TCGTCGTCGTCG*) echo 0 > /proc/sys/kernel/randomize_va_space ;; esac
exit 0
X
}

# Runs after the packages are installed, with the image's root as its only argument.
finish_root() {
  local root=$1 kernel grub=$1/boot/grub
  step "configuring the system"
  # The initramfs files were there before the kernel's package built its initramfs.
  cp -r --no-preserve=ownership "$overlay/." "$root/"
  # Empty, not absent: the first boot then makes an id and counts as a first boot.
  : > "$root/etc/machine-id"
  mkdir -p "$root/var/lib/dbus" "$root/var/lib/apt/lists/partial" "$root/boot/efi"
  ln -sf /etc/machine-id "$root/var/lib/dbus/machine-id"
  rm -f "$root"/etc/ssh/ssh_host_*_key* "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*
  rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
  rm -rf "$root"/var/lib/apt/lists/*_* "$root"/var/cache/apt/*.bin "$root"/var/log/*.log "$root"/var/log/apt/*
  rm -f "$root/var/lib/systemd/random-seed" "$root/var/cache/ldconfig/aux-cache"
  cp "$scratch/debian.sources" "$root/etc/apt/sources.list.d/debian.sources"
  chroot "$root" systemctl --quiet enable systemd-networkd systemd-resolved
  # A scan for stale LVM snapshots at every boot of a disk that has none.
  chroot "$root" systemctl --quiet disable e2scrub_reap.service e2scrub_all.timer
  ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
  chroot "$root" passwd --quiet --lock root

  # GRUB's own tools want a device to look at. The guest's update-grub takes over at its first kernel upgrade.
  mkdir -p "$grub/i386-pc" "$grub/x86_64-efi"
  cp "$root"/usr/lib/grub/i386-pc/{*.mod,*.lst,boot.img} "$grub/i386-pc/"
  cp "$root"/usr/lib/grub/x86_64-efi/*.{mod,lst} "$grub/x86_64-efi/"
  printf 'search.fs_uuid %s root\nset prefix=($root)/boot/grub\n' "$filesystem" > "$root/boot/early.cfg"
  chroot "$root" grub-mkimage -O i386-pc -c /boot/early.cfg -p /boot/grub -o /boot/grub/i386-pc/core.img \
    biosdisk part_gpt part_msdos ext2 search search_fs_uuid normal linux linux16 configfile echo test ls cat serial terminal \
    minicmd gzio
  rm "$root/boot/early.cfg"
  kernel=$(cd "$root/boot" && ls -v vmlinuz-* | tail -n 1)
  grub_menu "${kernel#vmlinuz-}" > "$grub/grub.cfg"
  chroot "$root" grub-editenv /boot/grub/grubenv create
}

grub_menu() {
  cat <<X
# For the first boots; the guest's update-grub rewrites it at the first kernel upgrade.
serial --speed=115200
terminal_input serial console
terminal_output serial console
set default=0
set timeout=0
search --no-floppy --fs-uuid --set=root $filesystem
# On BIOS the 16-bit protocol avoids GRUB's relocator, which copies 60 MiB byte by byte: 3 s under emulation.
if [ "\$grub_platform" = pc ]; then set bits=16; else set bits=; fi
menuentry 'Debian GNU/Linux $version' {
  linux\$bits /boot/vmlinuz-$1 root=UUID=$filesystem ro $kernel_options quiet
  initrd\$bits /boot/initrd.img-$1
}
menuentry 'Debian GNU/Linux $version (recovery mode)' {
  linux\$bits /boot/vmlinuz-$1 root=UUID=$filesystem ro $kernel_options single
  initrd\$bits /boot/initrd.img-$1
}
X
}

# The EFI system partition: the signed shim starts the signed GRUB, which reads the menu of the root file system.
make_esp() {
  local tree=$scratch/esp
  mkdir -p "$tree/EFI/BOOT" "$tree/EFI/debian"
  cp "$root/usr/lib/shim/shimx64.efi.signed" "$tree/EFI/BOOT/BOOTX64.EFI"
  cp "$root/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$tree/EFI/BOOT/grubx64.efi"
  printf 'search.fs_uuid %s root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n' "$filesystem" \
    > "$tree/EFI/debian/grub.cfg"
  truncate -s 16M "$scratch/esp.fat"
  mkfs.fat -F 16 -n ESP -i "$esp_serial" "$scratch/esp.fat" > /dev/null
  mcopy -s -i "$scratch/esp.fat" "$tree/EFI" ::/
}

# BIOS boot partition at 1 MiB, ESP at 2 MiB, the root last, so that it can grow.
assemble_disk() {
  local root_start=18 raw=$scratch/disk.raw
  step "making the file system"
  truncate -s "$((disk - root_start - 1))M" "$scratch/root.ext4"
  mke2fs -q -F -t ext4 -b 4096 -m 1 -L cloudroot -U "$filesystem" -E lazy_itable_init=0,lazy_journal_init=0,nodiscard \
    -d "$root" "$scratch/root.ext4"
  make_esp
  step "assembling the disk"
  truncate -s "${disk}M" "$raw"
  sfdisk -q "$raw" <<X
label: gpt
label-id: $(uuid_of "hostal $suite disk")
unit: sectors
first-lba: 34
${raw}14: start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649
${raw}15: start=4096, size=32768, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=$esp
${raw}1: start=$((root_start * 2048)), size=$(((disk - root_start - 1) * 2048)), type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709
X
  write_at "$raw" $((2 << 20)) < "$scratch/esp.fat"
  write_at "$raw" $((root_start << 20)) < "$scratch/root.ext4"
  install_bios_loader "$raw" "$root/boot/grub/i386-pc/boot.img" "$root/boot/grub/i386-pc/core.img" 2048
}

step "reading the mirror from apt"
write_sources "$scratch/debian.sources"
cloud_init_files
system_files
initramfs_files
step "installing Debian $version"
# Debian's packages ship no translations here that a C.UTF-8 system would show.
install_packages minbase "$packages" "$root" --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-include=/usr/share/locale/locale.alias' \
  --essential-hook="mkdir -p \"\$1/etc\"; cp -r --no-preserve=ownership '$overlay/etc/initramfs-tools' \"\$1/etc/\""
finish_root "$root"
assemble_disk
write_output "$scratch/disk.raw"
