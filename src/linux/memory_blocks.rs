//! Memory blocks, by the files of `/sys/devices/system/memory`.

use core::ffi::CStr;

use super::Linux;
use super::lines::number;
use super::numbered;
use crate::errno::Errno;
use crate::guest::{ListPlace, MemoryBlock, MemoryBlocks, MemoryListError, MemorySetError};
use crate::sys::fd::{Fd, OpenFlags};

const DIRECTORY: &CStr = c"devices/system/memory";
const WORD: &[u8] = b"memory";

impl MemoryBlocks for Linux {
    fn memory_blocks(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(MemoryBlock, ListPlace) -> bool,
    ) -> Result<(), MemoryListError> {
        let directory = self.sys.open(DIRECTORY).map_err(MemoryListError::List)?;
        let mut result = Ok(());
        numbered::each(&directory, WORD, from, buffer, |index, place| match block(&directory, index) {
            Ok(Some(block)) => visit(block, place),
            Ok(None) => true,
            Err(error) => {
                result = Err(error);
                false
            }
        })
        .map_err(MemoryListError::List)?;
        result
    }

    fn set_memory_block(&mut self, index: u64, online: bool) -> Result<(), MemorySetError> {
        let directory = self.sys.open(DIRECTORY).map_err(|errno| match errno {
            Errno::ENOENT => MemorySetError::NotSupported(errno),
            _ => MemorySetError::Failed(errno),
        })?;
        let path = numbered::path(WORD, index.into(), b"").map_err(MemorySetError::Failed)?;
        let block = directory.open_at(path.as_c_str(), OpenFlags::READ).map_err(|errno| match errno {
            Errno::ENOENT => MemorySetError::NotFound(errno),
            _ => MemorySetError::Failed(errno),
        })?;
        let file = match block.open_at(c"state", OpenFlags::READ_WRITE) {
            Ok(file) => file,
            Err(Errno::ENOENT) if online => return Ok(()),
            Err(Errno::ENOENT) => return Err(MemorySetError::NotSupported(Errno::ENOENT)),
            Err(errno) => return Err(MemorySetError::Failed(errno)),
        };
        let mut buffer = [0; 16];
        let state = numbered::start(&file, &mut buffer).map_err(MemorySetError::Failed)?;
        if state.is_empty() {
            return Err(MemorySetError::Failed(Errno::EIO));
        }
        if state.starts_with(b"online") == online {
            return Ok(());
        }
        // A file of sysfs takes all or nothing.
        file.write(if online { b"online" } else { b"offline" }).map(drop).map_err(MemorySetError::Failed)
    }

    fn memory_blocks_obstacle(&mut self) -> Option<&'static str> {
        self.sys.lacks(DIRECTORY).then_some("the kernel has no memory blocks: no /sys/devices/system/memory")
    }

    fn memory_block_size_bytes(&mut self) -> Result<u64, Errno> {
        let file = self.sys.open(DIRECTORY)?.open_at(c"block_size_bytes", OpenFlags::READ)?;
        let mut buffer = [0; 24];
        hexadecimal(numbered::start(&file, &mut buffer)?).ok_or(Errno::EINVAL)
    }
}

/// A block of the list; `None` if it is gone.
fn block(directory: &Fd, index: u64) -> Result<Option<MemoryBlock>, MemoryListError> {
    let path = |rest: &[u8]| numbered::path(WORD, index.into(), rest).map_err(MemoryListError::List);
    let mut buffer = [0; 16];
    let file = match directory.open_at(path(b"/state")?.as_c_str(), OpenFlags::READ) {
        Ok(file) => file,
        Err(Errno::ENOENT) if numbered::has(directory, &path(b"")?) => {
            return Ok(Some(MemoryBlock { index, is_online: true, can_offline: false }));
        }
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(MemoryListError::OpenState(index, errno)),
    };
    let is_online = match numbered::start(&file, &mut buffer) {
        Ok([]) => return Err(MemoryListError::NoState(index)),
        Ok(state) => state.starts_with(b"online"),
        Err(Errno::ENODEV) => return Ok(None),
        Err(errno) => return Err(MemoryListError::ReadState(index, errno)),
    };
    // What the kernel says of this is a guess; where it says nothing there is none.
    let removable = directory.open_at(path(b"/removable")?.as_c_str(), OpenFlags::READ);
    let can_offline = removable
        .and_then(|file| numbered::start(&file, &mut buffer).map(|text| !matches!(text, [] | [b'0', ..])))
        .unwrap_or(false);
    Ok(Some(MemoryBlock { index, is_online, can_offline }))
}

/// A number as the kernel prints it with `%lx`, up to the end of its line.
fn hexadecimal(text: &[u8]) -> Option<u64> {
    match number(text, 16)? {
        (value, [] | [b'\n', ..]) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::hexadecimal;

    #[test]
    fn the_size_of_a_block_is_read_as_the_kernel_prints_it() {
        assert_eq!(hexadecimal(b"8000000\n"), Some(128 << 20));
        assert_eq!(hexadecimal(b"8000000"), Some(128 << 20));
        assert_eq!(hexadecimal(b"80000000"), Some(2 << 30));
        for text in [&b""[..], b"\n", b"+8\n", b"0x8\n", b"8 \n", b"10000000000000000\n", b"\xFF\n"] {
            assert_eq!(hexadecimal(text), None);
        }
    }
}
