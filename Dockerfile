# hostald, hostalctl and hostal for a KVM host that runs its daemons in containers.
#
# The worker arranges the host itself, so the container must be given:
#   --network host                                  taps and the guard's nftables are the host's
#   --cap-add NET_ADMIN                             to write them
#   -v /run/libvirt:/run/libvirt                    libvirtd and QEMU run on the host
#   -v /var/lib/hostal:/var/lib/hostal              disks, seeds and reports; QEMU opens them by the same paths as the worker
#   -v /run/hostal:/run/hostal                      fences: every worker of a host must share them
#   -v /etc/hostal:/etc/hostal:ro                   hostald.yaml, plans/, cloud-init/
#   --device /dev/kvm                               only so that the worker can see whether KVM works
# The host needs libvirt with QEMU, virtlogd, and the bridges of its networks. Run as root.

ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG RUNTIME_IMAGE=debian:12-slim

FROM ${SWIFT_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        libvirt-dev libpq-dev libcurl4-openssl-dev libssl-dev libcrypt-dev libisofs-dev libburn-dev libnfs-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /hostal
COPY Package.swift ./
COPY Sources Sources
# The manifest names the test targets too, so their directories must be there.
COPY Tests Tests
RUN swift build -c release --static-swift-stdlib --product hostald \
    && swift build -c release --static-swift-stdlib --product hostalctl \
    && swift build -c release --static-swift-stdlib --product hostal \
    && cd "$(swift build -c release --show-bin-path)" && install -D -t /out hostald hostalctl hostal

FROM ${RUNTIME_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates libvirt0 libpq5 libcurl4 libssl3 libisofs6 libnfs13 qemu-utils qemu-block-extra bubblewrap nftables iproute2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /usr/local/bin/
# What a host starts with; mount /etc/hostal over it to sell something else.
COPY plans /etc/hostal/plans
COPY cloud-init /etc/hostal/cloud-init
# SIGTERM gives every job back before the worker ends.
STOPSIGNAL SIGTERM
ENTRYPOINT ["hostald"]
CMD ["serve"]
