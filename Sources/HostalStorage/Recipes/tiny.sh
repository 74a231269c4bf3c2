#!/bin/bash
# The test guest: Debian's cloud kernel and an initramfs of busybox, dropbear, resize2fs and the real guest agent, on a disk of its own.
# It reads a NoCloud seed as a cloud image does, and is up in seconds even under emulation. Everything runs from memory; its data
# partition grows to the disk and keeps what a server must remember. Needs root. Arguments: see common.sh.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
source "$here/common.sh"
arguments "$@"

# busybox, not busybox-static: the static one of Debian 12 crashes when it looks up a name.
packages=linux-image-cloud-amd64,kmod,busybox,qemu-guest-agent,dropbear-bin,e2fsprogs,fdisk,util-linux,grub-pc-bin
programs='usr/sbin/qemu-ga usr/sbin/dropbear usr/bin/dropbearkey sbin/resize2fs sbin/sfdisk usr/bin/partx'
modules='virtio_pci virtio_blk virtio_net virtio_scsi sr_mod isofs ext4 virtio_console virtio_rng virtio_balloon evdev button'
# What a test guest can do without at boot; panic=5: a guest that cannot boot restarts instead of hanging.
kernel_options='console=ttyS0,115200 quiet loglevel=3 tsc=reliable cryptomgr.notests edd=off nokaslr norandmaps mitigations=off'
kernel_options+=' audit=0 lsm= no_timer_check 8250.nr_uarts=1 raid=noautodetect random.trust_cpu=on panic=5'

tree=$scratch/packages root=$scratch/root
filesystem=$(uuid_of 'hostal tiny data')

# file PATH [MODE]: a file of the initramfs from standard input.
file() {
  mkdir -p "$root/$(dirname "$1")"
  rm -f "$root/$1"
  cat > "$root/$1"
  chmod "${2:-644}" "$root/$1"
}

# The unpacked packages are a root file system of their own: their tools run in it, whatever Debian this machine runs.
inside() { chroot "$tree" "$@"; }

copy_programs() {
  local applet program library
  mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,proc,sys,dev,run,tmp,root,data,mnt,lib64,lib/modules,var/run,var/log,etc/dropbear}
  cp "$tree/bin/busybox" "$root/bin/"
  inside /bin/busybox --list-full | while read -r applet; do
    mkdir -p "$root/$(dirname "$applet")"
    [ -e "$root/$applet" ] || ln -s /bin/busybox "$root/$applet"
  done
  for program in $programs; do
    rm -f "$root/$program"
    cp "$tree/$program" "$root/$program"
  done
  for program in bin/busybox $programs; do
    inside /lib64/ld-linux-x86-64.so.2 --list "/$program"
  done | awk '$2 == "=>" {print $3}' | sort -u | while read -r library; do
    mkdir -p "$root/$(dirname "$library")"
    cp -L "$tree$library" "$root$library"
  done
  cp -L "$tree/lib64/ld-linux-x86-64.so.2" "$root/lib64/"
  cp -L "$tree/lib/x86_64-linux-gnu/libnss_files.so.2" "$root/lib/x86_64-linux-gnu/"
}

# In load order, so that the guest only has to walk through the list.
copy_modules() {
  local module
  inside /sbin/depmod "$kernel"
  for module in $modules; do
    inside /sbin/modprobe --set-version "$kernel" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' | while read -r module; do
    cp "$tree$module" "$root/lib/modules/"
    basename "$module"
  done > "$root/lib/modules/order"
}

system_files() {
  file etc/passwd <<< 'root:x:0:0:root:/root:/bin/sh'
  file etc/shadow 600 <<< 'root:*:19000:0:99999:7:::'
  file etc/group <<< 'root:x:0:'
  file etc/nsswitch.conf <<< 'passwd: files'
  file etc/shells <<< /bin/sh
  file etc/os-release <<< $'NAME="Hostal test guest"\nID=hostal-tiny\nVERSION_ID=1\nPRETTY_NAME="Hostal test guest"'
  file etc/inittab <<'X'
::sysinit:/etc/boot
ttyS0::respawn:-/bin/sh
::respawn:/etc/agent
::ctrlaltdel:/sbin/poweroff
::shutdown:/bin/umount /data
X
  # busybox's acpid passes the power button on. The guest agent calls shutdown(8).
  file etc/acpid.conf <<< 'PWRF power'
  file etc/power 755 <<< $'#!/bin/sh\nexec poweroff'
  file sbin/shutdown 755 <<< $'#!/bin/sh\ncase " $* " in *" -r "*) exec reboot ;; esac\nexec poweroff'
  ln -s /sbin/init "$root/init"
}

guest_scripts() {
  # Prints the device of the virtio port with this name.
  file bin/port 755 <<'X'
#!/bin/sh
for p in /sys/class/virtio-ports/*; do
  read -r name < "$p/name" && [ "$name" = "$1" ] && echo "/dev/${p##*/}" && exit
done
exit 1
X
  file etc/agent 755 <<'X'
#!/bin/sh
device=$(port org.qemu.guest_agent.0) && exec qemu-ga -m virtio-serial -p "$device" -t /run
exec sleep 3600
X
  # What the agent runs to set a password; Debian's busybox has none. With -e it reads user:hash.
  file sbin/chpasswd 755 <<'X'
#!/bin/sh
[ "$*" = -e ] || exit 1
while IFS=: read -r user hash; do sed -i "s|^$user:[^:]*|$user:$hash|" /etc/shadow; done
X
  # Flattens the part of YAML that seeds use to lines of path, tab, value: block mappings and lists of plain or quoted scalars.
  file bin/flatten 755 <<'X'
#!/bin/sh
exec awk '
  function unquoted(s) { sub(/^"/, "", s); sub(/"[ ]*$/, "", s); return s }
  function path(  i, p) { p = key[1]; for (i = 2; i <= n; i++) p = p "." key[i]; return p }
  { sub(/\r$/, ""); if ($0 ~ /^ *(#|$)/) next }
  { match($0, /^ */); depth = RLENGTH; text = substr($0, depth + 1); item = sub(/^- +/, "", text)
    # The items of a list may stand as deep as its key.
    while (n && (item ? level[n] > depth : level[n] >= depth)) n--
    if (item) depth++
    if (match(text, /^"?[A-Za-z0-9_-]+"?:( |$)/)) {
      name = text; sub(/:.*/, "", name); name = unquoted(name); sub(/^[^:]*: */, "", text)
      if (text == "") { n++; level[n] = depth; key[n] = name }
      else print (n ? path() "." name : name) "\t" unquoted(text)
    } else print path() "\t" unquoted(text) }' "$1"
X
  file etc/network 755 <<'X'
#!/bin/sh
# Applies network-config: addresses with prefix, routes (to comes before via), name servers, for the card with the MAC address.
tab=$(printf '\t'); device=; to=
add_route() {
  family=-4; case $2 in *:*) family=-6 ;; esac
  ip $family route replace "$1" via "$2" dev "$device" 2>/dev/null && return
  # A gateway outside of the address's own prefix has to be made reachable first.
  ip $family route replace "$2" dev "$device" && ip $family route replace "$1" via "$2" dev "$device"
}
flatten "$1" | while IFS=$tab read -r path value; do
  case $path in
    ethernets.*.match.macaddress)
      for card in /sys/class/net/*; do
        read -r mac < "$card/address" && [ "$mac" = "$value" ] && device=${card##*/}
      done
      [ -n "$device" ] || { echo "no network card has the address $value"; exit; } ;;
    ethernets.*.set-name) [ "$device" = "$value" ] || ip link set "$device" name "$value"; device=$value ;;
    ethernets.*.accept-ra) [ "$value" = true ] || echo 0 > "/proc/sys/net/ipv6/conf/$device/accept_ra" ;;
    ethernets.*.nameservers.addresses) echo "nameserver $value" >> /etc/resolv.conf ;;
    ethernets.*.addresses)
      # Without this an IPv6 address answers only after a second of looking for duplicates.
      echo 0 > "/proc/sys/net/ipv6/conf/$device/accept_dad"
      ip link set "$device" up
      ip addr add "$value" dev "$device" ;;
    ethernets.*.routes.to) to=$value ;;
    ethernets.*.routes.via) add_route "$to" "$value" ;;
  esac
done
X
  file etc/grow 755 <<'X'
#!/bin/sh
# Grows the data partition to the end of its disk, and mounts it.
partition=$(findfs LABEL=tinydata) || { echo "no data partition"; exit; }
disk=${partition%[0-9]}
read -r total < "/sys/class/block/${disk##*/}/size"
read -r start < "/sys/class/block/${partition##*/}/start"
read -r size < "/sys/class/block/${partition##*/}/size"
[ $((total - start - size)) -le 4096 ] || { echo ',+' | sfdisk -q --no-reread -f -N1 "$disk" && partx -u "$disk"; }
mount -t ext4 "$partition" /data && resize2fs "$partition" > /run/resize.log 2>&1 || cat /run/resize.log
X
  file etc/boot 755 <<'X'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts; mount -t devpts pts /dev/pts; mount -t tmpfs tmp /run
while read -r module; do insmod "/lib/modules/$module"; done < /lib/modules/order
ip link set lo up
errors=/run/errors; : > $errors

# The CD-ROM appears a moment after its driver.
tries=0
until seed=$(findfs LABEL=cidata) || [ $tries -ge 40 ]; do tries=$((tries + 1)); sleep 0.05; done 2>/dev/null
[ -n "$seed" ] && mount -o ro "$seed" /mnt || echo "no seed found" >> $errors

/etc/grow >> $errors 2>&1
tab=$(printf '\t'); instance=; hostname=tiny
mkdir -p /root/.ssh; : > /root/.ssh/authorized_keys
[ ! -f /mnt/meta-data ] || flatten /mnt/meta-data > /run/meta-data
[ ! -f /mnt/network-config ] || /etc/network /mnt/network-config >> $errors 2>&1
while IFS=$tab read -r path value; do
  case $path in
    instance-id) instance=$value ;;
    local-hostname) hostname=$value ;;
    public-keys) echo "$value" >> /root/.ssh/authorized_keys ;;
  esac
done < /run/meta-data
chmod -R go-rwx /root
hostname "$hostname"
printf '127.0.0.1 localhost %s\n::1 localhost\n' "$hostname" > /etc/hosts

# A new instance id makes a new machine, as cloud-init would.
known=; [ ! -f /data/instance-id ] || read -r known < /data/instance-id
if [ "$known" != "$instance" ] || [ ! -f /data/host-key ]; then
  rm -f /data/host-key
  dropbearkey -t ed25519 -f /data/host-key > /dev/null 2>&1 || echo "cannot make a host key" >> $errors
  head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' > /data/machine-id
  echo "$instance" > /data/instance-id
fi
cp /data/machine-id /etc/machine-id
dropbear -r /data/host-key -p 22 2>> $errors
acpid -c /etc -a /etc/acpid.conf -l /run/acpid.log

# In the background: a port that nobody reads would keep the boot waiting.
[ -s $errors ] && status=error || status=done
read -r boot < /proc/sys/kernel/random/boot_id
list=$(sed 's/[\\"]//g; s/[[:cntrl:]]/ /g; s/.*/"&"/' $errors | head -n 20 | tr '\n' ',')
host_key=$(dropbearkey -y -f /data/host-key 2>/dev/null | grep '^ssh-')
printf '{"instance_id":"%s","boot_id":"%s","status":"%s","errors":[%s],"host_keys":["%s"]}\n' \
  "$instance" "$boot" "$status" "${list%,}" "${host_key% *}" > /run/report
device=$(port org.hostal.report.0) && cat /run/report > "$device" &
read -r up rest < /proc/uptime
echo "tiny: $status instance-id=$instance hostname=$hostname uptime=$up" > /dev/console
X
}

assemble_disk() {
  local raw=$scratch/disk.raw boot=$scratch/boot megabytes=$((disk - 1))
  step "assembling the disk"
  mkdir -p "$boot/boot"
  cp "$tree/boot/vmlinuz-$kernel" "$boot/boot/vmlinuz"
  (cd "$root" && find . | sort | cpio -o -H newc -R 0:0 --quiet | zstd -q -19) > "$boot/boot/initrd"
  truncate -s "${megabytes}M" "$scratch/data.ext4"
  mke2fs -q -F -t ext4 -b 4096 -m 0 -J size=4 -L tinydata -U "$filesystem" -d "$boot" "$scratch/data.ext4"
  truncate -s "${disk}M" "$raw"
  printf 'label: dos\nstart=2048, size=%d, type=83, bootable\n' $((megabytes * 2048)) | sfdisk -q "$raw"
  write_at "$raw" $((1 << 20)) < "$scratch/data.ext4"
  # The menu is built into the loader. linux16 avoids GRUB's relocator, which copies byte by byte.
  printf 'set root=(hd0,msdos1)\nlinux16 /boot/vmlinuz %s\ninitrd16 /boot/initrd\nboot\n' "$kernel_options" > "$tree/tmp.cfg"
  inside /usr/bin/grub-mkimage -O i386-pc -c /tmp.cfg -p / -o /core.img biosdisk part_msdos ext2 linux16 boot
  install_bios_loader "$raw" "$tree/usr/lib/grub/i386-pc/boot.img" "$tree/core.img" 1
}

step "reading the mirror from apt"
write_sources "$scratch/debian.sources"
step "unpacking Debian's packages"
install_packages extract "$packages" "$tree"
kernel=$(cd "$tree/lib/modules" && ls -v | tail -n 1)
step "making the initramfs of kernel $kernel"
copy_programs
copy_modules
system_files
guest_scripts
assemble_disk
write_output "$scratch/disk.raw"
