/// The sample guest on KVM, as libvirt is given it.
let goldenKVM = """
    <domain type="kvm">
      <name>hostal-42</name>
      <uuid>3f2a0000-0000-4000-8000-00000000002a</uuid>
      <memory unit="MiB">64</memory>
      <vcpu>2</vcpu>
      <iothreads>1</iothreads>
      <os>
        <type arch="x86_64" machine="q35">hvm</type>
        <boot dev="hd"/>
      </os>
      <features>
        <acpi/>
        <apic/>
      </features>
      <cpu mode="host-passthrough" check="none" migratable="on"/>
      <clock offset="utc">
        <timer name="rtc" tickpolicy="catchup"/>
        <timer name="pit" tickpolicy="delay"/>
        <timer name="hpet" present="no"/>
      </clock>
      <on_poweroff>destroy</on_poweroff>
      <on_reboot>restart</on_reboot>
      <on_crash>restart</on_crash>
      <devices>
        <disk type="file" device="disk">
          <driver name="qemu" type="qcow2" cache="none" io="native" discard="unmap" iothread="1" queues="2"/>
          <source file="/srv/disks/a.qcow2"/>
          <backingStore type="file">
            <format type="qcow2"/>
            <source file="/srv/images/b.qcow2"/>
            <backingStore/>
          </backingStore>
          <target dev="vda" bus="virtio"/>
        </disk>
        <disk type="file" device="cdrom">
          <driver name="qemu" type="raw"/>
          <source file="/srv/seeds/s.iso"/>
          <backingStore/>
          <target dev="sda" bus="scsi"/>
          <readonly/>
        </disk>
        <controller type="scsi" model="virtio-scsi"/>
        <controller type="usb" model="none"/>
        <interface type="bridge">
          <mac address="02:00:00:00:00:2a"/>
          <source bridge="br0"/>
          <target dev="vps-42"/>
          <model type="virtio"/>
          <driver name="vhost" queues="2"/>
        </interface>
        <serial type="pty">
          <target type="isa-serial" port="0"/>
        </serial>
        <channel type="unix">
          <target type="virtio" name="org.qemu.guest_agent.0"/>
        </channel>
        <channel type="file">
          <source path="/srv/reports/3f2a0000-0000-4000-8000-00000000002a.log" append="on"/>
          <target type="virtio" name="org.hostal.report.0"/>
        </channel>
        <graphics type="vnc" port="-1" autoport="yes">
          <listen type="address" address="127.0.0.1"/>
        </graphics>
        <video>
          <model type="vga"/>
        </video>
        <rng model="virtio">
          <rate bytes="1024" period="1000"/>
          <backend model="random">/dev/urandom</backend>
        </rng>
        <memballoon model="virtio">
          <stats period="10"/>
        </memballoon>
      </devices>
      <metadata>
        <hostal:guest xmlns:hostal="urn:hostal:guest:1" server="42" order="7" epoch="3" checksum="38bb127e016dbb80"/>
      </metadata>
    </domain>

    """
