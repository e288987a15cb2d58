//! What an NVMe disk tells of itself (NVM Express Base Specification 2.0, 5.16: Get Log Page).

use core::ffi::c_long;

use super::check;
use super::fd::Fd;
use crate::errno::Errno;

/// The length of the page of SMART and health, in bytes.
pub const SMART_BYTES: usize = 512;

/// A command to the controller; the kernel's `struct nvme_admin_cmd`.
#[repr(C)]
#[derive(Default)]
struct AdminCommand {
    opcode: u8,
    flags: u8,
    reserved: u16,
    name_space: u32,
    words_2_and_3: [u32; 2],
    metadata: u64,
    address: u64,
    metadata_bytes: u32,
    data_bytes: u32,
    words_10_to_15: [u32; 6],
    timeout_ms: u32,
    result: u32,
}

/// Reads into `page` the page of SMART and health (02h) of the controller that `disk` is on.
///
/// # Errors
/// Those of the driver: `ENOTTY` for what is no NVMe disk, `EACCES` without privilege. `EIO` if the controller refuses.
pub fn smart(disk: &Fd, page: &mut [u8; SMART_BYTES]) -> Result<(), Errno> {
    // The number of NVME_IOCTL_ADMIN_CMD on x86, ARM and RISC-V: direction, size, `N`, 41h.
    const ADMIN_COMMAND: c_long = 0xC048_4E41;
    const GET_LOG_PAGE: u8 = 0x02;
    const OF_CONTROLLER: u32 = u32::MAX;
    // The page, and above it how many words of four bytes there are, less one.
    const SMART_PAGE: u32 = 0x02 | (0x7F << 16);
    let mut command = AdminCommand {
        opcode: GET_LOG_PAGE,
        name_space: OF_CONTROLLER,
        address: u64::try_from(page.as_mut_ptr().expose_provenance()).map_err(|_| Errno::EINVAL)?,
        data_bytes: 512,
        words_10_to_15: [SMART_PAGE, 0, 0, 0, 0, 0],
        ..AdminCommand::default()
    };
    // SAFETY: the call reads and writes one structure of this layout, in which stands the address of a page that is writable
    // for the length beside it; it keeps no pointer. It goes by number, because the C libraries do not agree on the type of
    // the request.
    let status = check(unsafe { libc::syscall(libc::SYS_ioctl, disk.raw(), ADMIN_COMMAND, &raw mut command) })?;
    // Above 0 it is what the controller says.
    if status == 0 { Ok(()) } else { Err(Errno::EIO) }
}

const _: () = assert!(size_of::<AdminCommand>() == 0x48, "as in the number of the request");
