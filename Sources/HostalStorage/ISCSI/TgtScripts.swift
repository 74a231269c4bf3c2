/// What runs on the storage server, one script at a time: POSIX shell, and the perl that tgt's own tools need.
enum TgtScripts {
    /// Exit code of what will not pass by itself.
    static let refusal: Int32 = 77

    /// Expects `pool`, `prefix` and `dir`. `targets` prints id, name, serial, path and initiators of each target, `-` for nothing.
    static let prelude = #"""
        set -eu
        umask 077
        refuse() { echo "$*" >&2; exit 77; }
        tgt() { timeout 10 tgtadm --lld iscsi "$@"; }
        exec 9>/run/lock/hostal-tgt.lock
        flock -w 20 9 || { echo "another command to this storage server has not ended within 20 s" >&2; exit 1; }
        [ "$(head -n 1 "$dir/.hostal-pool" 2>/dev/null)" = "$pool" ] ||
            { echo "$dir on the storage server is not the directory of pool '$pool': is it mounted, and does its .hostal-pool name it?" >&2
              exit 1; }
        cd "$dir"
        file=$dir/$name.lun
        turns=/run/hostal-turns
        mine=$turns/$prefix:$disk
        shown=$(tgt --mode target --op show) || { echo "tgtd does not answer on the storage server" >&2; exit 1; }
        targets() {
            printf '%s\n' "$shown" | awk '
                function word(text) { return text == "" ? "-" : text }
                function flush() { if (tid != "") print tid, iqn, word(serial), word(path), word(acl) }
                /^Target [0-9]+: / {
                    flush(); tid = $2; sub(/:$/, "", tid); iqn = $3; lun = serial = path = acl = part = ""; next }
                /^ +LUN: / { lun = $2; next }
                /^ +SCSI SN: / { if (lun == 1) serial = $3; next }
                /^ +Backing store path: / { if (lun == 1) path = $4; next }
                /^ +Account information:/ { part = "account"; next }
                /^ +ACL information:/ { part = "acl"; next }
                part == "acl" && NF == 1 { acl = acl == "" ? $1 : acl "," $1 }
                END { flush() }'
        }
        find_target() {
            found=$(targets | awk -v iqn="$prefix:$1" '$2 == iqn')
            set -- $found
            tid=${1:-} serial_now=${3:-} path_now=${4:-} acl_now=${5:--}
            case $path_now in ''|-|"$file") ;; *) refuse "target $prefix:$name serves $path_now, not $file" ;; esac
        }
        is_hidden() { find_target "$name"; [ -z "$tid" ] || refuse "$name is on offer"; }

        """#

    /// What a host that died left of a turn is of no use after a day: longer than any work.
    static let takeTurn = #"""
        if [ -n "$turn" ]; then
            mkdir -p "$turns"
            find "$turns" -type f -mtime +1 -delete
            echo "$turn" >"$mine"
        fi

        """#

    static let inTurn = #"""
        [ -z "$turn" ] || [ "$(cat "$mine" 2>/dev/null)" = "$turn" ] ||
            { echo "somebody else has begun to work on $disk since" >&2; exit 1; }

        """#

    /// As few processes as can be: a pool has hundreds of LUNs.
    static let list = #"""
        { find . -maxdepth 1 -name "$name*.lun" -printf 'lun %f %s\n'
          find . -maxdepth 1 -name "$name*.host" -exec grep -H . {} + || :; } | awk '
            /^lun / { sub(/\.lun$/, "", $2); size[$2] = $3; next }
            { end = index($0, ".host:"); host[substr($0, 3, end - 3)] = substr($0, end + 6) }
            END { for (lun in size) print "file", lun, size[lun], host[lun] == "" ? "-" : host[lun] }'
        targets | awk -v prefix="$prefix:" -v name="$name" '
            index($2, prefix name) == 1 { print "target", substr($2, length(prefix) + 1), $3, $5 }'
        """#

    static let create = #"""
        is_hidden
        [ ! -e "$file" ] || refuse "$file exists"
        truncate -s "$size" "$file"
        sync . || :
        """#

    /// The initiator is let in last: until then nobody is, so that a target without its password is never open. tgtadm takes passwords as
    /// arguments only, which everybody on the storage server could read: so this one command is given to tgtd as tgtadm would give it.
    static let offer = #"""
        [ -e "$file" ] || refuse "$file does not exist"
        find_target "$name"
        if [ -z "$tid" ]; then
            tid=$(targets | awk '$1 > last { last = $1 } END { print last + 1 }')
            tgt --mode target --op new --tid "$tid" -T "$prefix:$name"
        fi
        for who in $(echo "$acl_now" | tr , ' '); do
            case $who in
            -) ;;
            iqn.*) tgt --mode target --op unbind --tid "$tid" -Q "$who" ;;
            *) tgt --mode target --op unbind --tid "$tid" -I "$who" ;;
            esac
        done
        tgt --mode account --op delete --user "$user" 2>/dev/null || :
        perl - <<PERL
        use strict; use IO::Socket::UNIX; alarm 10;
        my \$socket = IO::Socket::UNIX->new(Peer => (\$ENV{TGT_IPC_SOCKET} || '/var/run/tgtd/socket') . '.0')
            or die "tgtd does not answer on the storage server: \$!\n";
        my \$account = "user=$user,password=$password\0";
        syswrite \$socket, pack('LLa64LlQqL6', 7, 0, 'iscsi', 120 + length \$account, -1, 0, -1, (0) x 6) . \$account;
        (read(\$socket, my \$answer, 8) || 0) == 8 or die "tgtd closed its connection\n";
        my (\$error) = unpack 'L', \$answer;
        die "tgtd refused the account: its error \$error\n" if \$error;
        PERL
        tgt --mode account --op bind --tid "$tid" --user "$user"
        [ "${path_now:--}" != - ] || tgt --mode logicalunit --op new --tid "$tid" --lun 1 --bstype rdwr -b "$file"
        [ "$serial_now" = "$serial" ] || tgt --mode logicalunit --op update --tid "$tid" --lun 1 \
            --params "vendor_id=HOSTAL,product_id=DISK,scsi_sn=$serial,thin_provisioning=1"
        if [ -n "$remember" ]; then
            echo "$initiator" >"$name.host.new"
            sync "$name.host.new"
            mv "$name.host.new" "$name.host"
        fi
        tgt --mode target --op bind --tid "$tid" -Q "$initiator"
        """#

    /// A target that still answers its initiator refuses for a moment. Its account has the target's name.
    static let withdraw = #"""
        find_target "$name"
        rm -f "$name.host"
        tries=0
        while [ -n "$tid" ] && ! tgt --mode target --op delete --force --tid "$tid"; do
            tries=$((tries + 1))
            [ "$tries" -lt 50 ] || { echo "target $prefix:$name stays in use" >&2; exit 1; }
            sleep 0.1
        done
        tgt --mode account --op delete --user "$name" 2>/dev/null || :
        """#

    static let rename = #"""
        is_hidden
        if [ -e "$file" ]; then
            [ ! -e "$new.lun" ] || refuse "$dir/$new.lun exists"
            sync "$file"
            mv "$file" "$new.lun"
            sync .
        fi
        [ -e "$new.lun" ] || refuse "$file does not exist"
        """#

    static let grow = #"""
        is_hidden
        [ "$(stat -c %s "$file")" -le "$size" ] || refuse "$file is longer than $size bytes"
        truncate -s "$size" "$file"
        sync "$file"
        """#

    static let delete = #"""
        is_hidden
        rm -f "$name.host" "$name.host.new" "$file"
        [ "$name" != "$disk" ] || rm -f "$mine"
        sync .
        """#

    static let space = #"""
        df -B1 --output=size,avail . | tail -n 1
        """#

    /// tgtd makes its socket anew whenever it starts. Stands by itself, without the prelude.
    static let incarnation = #"""
        stat -c '%d:%i %z' "${TGT_IPC_SOCKET:-/var/run/tgtd/socket}.0"
        """#
}
