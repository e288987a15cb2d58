//! File systems, and the disks that they are on.

use super::ListPlace;
use crate::errno::Errno;

/// What a disk hangs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskBus {
    /// IDE.
    Ide,
    /// Serial ATA.
    Sata,
    /// SCSI, also that of virtio.
    Scsi,
    /// USB.
    Usb,
    /// virtio.
    Virtio,
    /// NVM Express.
    Nvme,
    /// Something else.
    #[default]
    Unknown,
}

impl DiskBus {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            DiskBus::Ide => "ide",
            DiskBus::Sata => "sata",
            DiskBus::Scsi => "scsi",
            DiskBus::Usb => "usb",
            DiskBus::Virtio => "virtio",
            DiskBus::Nvme => "nvme",
            DiskBus::Unknown => "unknown",
        }
    }
}

/// A function of a PCI device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PciFunction {
    /// The domain.
    pub domain: u32,
    /// The bus.
    pub bus: u32,
    /// The device on the bus.
    pub slot: u32,
    /// The function of the device.
    pub function: u32,
}

/// A device of the channel subsystem of an s390.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CcwDevice {
    /// The channel subsystem.
    pub subsystem: u32,
    /// The set of subchannels.
    pub subchannel_set: u32,
    /// The subchannel.
    pub subchannel: u32,
    /// The number of the device.
    pub device: u32,
}

/// Where a disk is, as the host that made it can tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskPlace {
    /// What it hangs on.
    pub bus_kind: DiskBus,
    /// Its controller, if that is a PCI device.
    pub controller: Option<PciFunction>,
    /// Its controller, if that is a device of an s390's channel subsystem.
    pub ccw: Option<CcwDevice>,
    /// Which bus of the controller.
    pub bus: u64,
    /// Which target on the bus.
    pub target: u64,
    /// Which unit of the target, or of the controller where there are no targets.
    pub unit: u64,
}

/// A disk, or the partition of it that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk<'d> {
    /// Where it is.
    pub place: DiskPlace,
    /// Its serial number, in the form that the guest's device manager gives it.
    pub serial: Option<&'d [u8]>,
    /// The path of its device.
    pub device: Option<&'d [u8]>,
}

/// A disk or a partition, used or not. The default has neither name nor anything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockDevice<'d> {
    /// The path of its device.
    pub name: &'d [u8],
    /// It is a partition.
    pub is_partition: bool,
    /// The paths of the devices that it is made of, with NULs between them: of a partition that of its disk. `None` if the
    /// guest does not tell.
    pub made_of: Option<&'d [u8]>,
    /// Another name of it.
    pub alias: Option<&'d [u8]>,
    /// Where it is, of a disk that has hardware.
    pub address: Option<&'d Disk<'d>>,
    /// Of an NVMe disk: the page of SMART and health (02h), as NVM Express has it.
    pub smart: Option<&'d [u8; 512]>,
}

/// Why disks can not be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockDeviceError {
    /// The guest does not tell which there are.
    List(Errno),
    /// The names of the devices that one is made of take more than this many bytes.
    MadeOfTooMany(u64),
}

/// Disks and their partitions.
pub trait BlockDevices {
    /// Gives each of them from a place on to `visit`, with the place behind it, until that answers false. `buffer` is room to
    /// work in.
    ///
    /// # Errors
    /// Those of the type.
    fn block_devices(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&BlockDevice<'_>, ListPlace) -> bool,
    ) -> Result<(), BlockDeviceError>;
}

/// How large a file system is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystemSizes {
    /// What is in use.
    pub used_bytes: u64,
    /// What is in use, and what users without privilege may use.
    pub total_bytes: u64,
    /// All of it.
    pub privileged_bytes: u64,
}

/// A piece of the list of file systems: for each of them its head, the disks it is on, and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystemPiece<'p> {
    /// A file system begins.
    Begin {
        /// The name of the device that it is on.
        device: &'p [u8],
        /// Where it is mounted.
        mount_point: &'p [u8],
        /// Its type, such as `ext4`.
        kind: &'p [u8],
        /// How large it is, if it tells.
        sizes: Option<FileSystemSizes>,
    },
    /// One of its disks.
    Disk(&'p Disk<'p>),
    /// It ends.
    End,
}

/// Where the list of file systems goes on, in numbers that only the platform understands. The default is its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSystemPlace(pub [i64; 3]);

/// Why file systems can not be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountListError {
    /// What is mounted is not told.
    System(Errno),
    /// More than this many devices are mounted.
    TooMany(usize),
}

/// The file systems that are on disks.
pub trait FileSystems {
    /// Gives the pieces of the list from a place on to `visit`, each with the place behind it, until that answers false: the
    /// file system that was mounted last comes first. `buffer` is room to work in.
    ///
    /// # Errors
    /// Those of the type. None once `visit` was called.
    fn file_systems(
        &mut self,
        from: FileSystemPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(FileSystemPiece<'_>, FileSystemPlace) -> bool,
    ) -> Result<(), MountListError>;
}

/// What trimming a file system came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// How many bytes the disk was told to hold nothing.
    pub trimmed_bytes: u64,
    /// Shorter runs than this were passed over.
    pub minimum_bytes: u64,
}

/// Why a file system is not trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimError {
    /// It can not be had.
    Open(Errno),
    /// There is no such thing for it, or for its disk.
    NotSupported,
    /// It failed.
    Failed(Errno),
}

/// Telling disks which of their blocks hold nothing.
pub trait Trim {
    /// Where the next file system behind a place of the list is mounted, in `buffer`, and the place of it. The one that was
    /// mounted last comes first; `None` behind the last.
    ///
    /// # Errors
    /// Those of the type.
    fn next_mount_point<'b>(
        &mut self,
        from: ListPlace,
        buffer: &'b mut [u8],
    ) -> Result<Option<(&'b [u8], ListPlace)>, MountListError>;

    /// Trims the file system at a place that [`Trim::next_mount_point`] gave. `buffer` is room to work in.
    ///
    /// # Errors
    /// Those of the type.
    fn trim(&mut self, at: ListPlace, minimum_bytes: u64, buffer: &mut [u8]) -> Result<Trimmed, TrimError>;
}
