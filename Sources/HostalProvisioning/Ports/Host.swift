package import HostalModel

/// Everything that steps can touch: one host's adapters and the ledgers. A step never sees a library, a file, SQL or a clock.
package struct Host: Sendable {
    package var id: HostID
    package var hypervisor: any Hypervisor
    package var pools: any VolumePools
    package var images: any ImageStore
    package var madeImages: any MadeImages
    package var seeds: any SeedStore
    package var network: any GuestNetwork
    package var capacity: any CapacityLedger
    package var addresses: any AddressBook

    package init(
        id: HostID, hypervisor: any Hypervisor, pools: any VolumePools, images: any ImageStore,
        madeImages: any MadeImages, seeds: any SeedStore, network: any GuestNetwork, capacity: any CapacityLedger,
        addresses: any AddressBook
    ) {
        self.id = id
        self.hypervisor = hypervisor
        self.pools = pools
        self.images = images
        self.madeImages = madeImages
        self.seeds = seeds
        self.network = network
        self.capacity = capacity
        self.addresses = addresses
    }
}
