//! A guest whose files and programs are in memory: nothing that a host asks of it reaches the machine.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};

use picoqga::errno::Errno;
use picoqga::guest::{
    Capture, Ended, Exec, Execution, FileError, Files, Finished, Guest, Kept, OpenMode, Spool, StartError,
};
use picoqga::guest::{Status, Stream, Whence};

/// As much as is kept of anything.
const MOST: usize = 1 << 16;

/// Text that is too long to be held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemorySpool(Vec<u8>);

impl Spool for MemorySpool {
    fn capacity(&self) -> u64 {
        MOST as u64
    }

    fn clear(&mut self) -> Result<(), Errno> {
        self.0.clear();
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        if self.0.len() + bytes.len() > MOST {
            return Err(Errno::EFBIG);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        Ok(copy(&self.0, offset, buffer))
    }
}

/// Copies from `offset` on as much as there is, and answers how much.
fn copy(from: &[u8], offset: u64, to: &mut [u8]) -> usize {
    let rest = usize::try_from(offset).ok().and_then(|offset| from.get(offset..)).unwrap_or_default();
    let count = rest.len().min(to.len());
    to[..count].copy_from_slice(&rest[..count]);
    count
}

/// An open file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    path: CString,
    mode: OpenMode,
    position: usize,
    deferred: Option<Errno>,
}

/// The guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What is in the files, by their paths.
    pub contents: BTreeMap<CString, Vec<u8>>,
    open: BTreeMap<i64, Open>,
    handles: i64,
    spool: MemorySpool,
    /// By the number of a program that has ended what it wrote: its arguments, to standard output, and what it read, to
    /// standard error.
    programs: BTreeMap<i64, [Vec<u8>; 2]>,
    numbers: i64,
}

impl Guest for Memory {
    fn spool(&mut self) -> Option<&mut dyn Spool> {
        Some(&mut self.spool)
    }
}

impl Memory {
    fn find(&mut self, handle: i64) -> Result<(&mut Open, &mut Vec<u8>), FileError> {
        let open = self.open.get_mut(&handle).ok_or(FileError::UnknownHandle)?;
        let content = self.contents.entry(open.path.clone()).or_default();
        Ok((open, content))
    }
}

impl Files for Memory {
    fn open(&mut self, path: &CStr, mode: OpenMode) -> Result<i64, FileError> {
        if self.open.len() == 4 {
            return Err(FileError::TooManyFiles(4));
        }
        if !mode.create && !self.contents.contains_key(path) {
            return Err(FileError::System(Errno::ENOENT));
        }
        let content = self.contents.entry(path.to_owned()).or_default();
        if mode.truncate {
            content.clear();
        }
        self.handles += 1;
        self.open.insert(self.handles, Open { path: path.to_owned(), mode, position: 0, deferred: None });
        Ok(self.handles)
    }

    fn is_open(&self, handle: i64) -> bool {
        self.open.contains_key(&handle)
    }

    fn read(&mut self, handle: i64, buffer: &mut [u8]) -> Result<usize, FileError> {
        let (open, content) = self.find(handle)?;
        if let Some(errno) = open.deferred.take() {
            return Err(FileError::System(errno));
        }
        if !open.mode.read {
            return Err(FileError::System(Errno::EBADF));
        }
        // A file of the kernel's own gives less than is asked for.
        let most = buffer.len().min(100);
        let count = copy(content, open.position as u64, &mut buffer[..most]);
        open.position += count;
        Ok(count)
    }

    fn defer_error(&mut self, handle: i64, errno: Errno) {
        if let Ok((open, _)) = self.find(handle) {
            open.deferred = Some(errno);
        }
    }

    fn write(&mut self, handle: i64, bytes: &[u8]) -> Result<usize, FileError> {
        let (open, content) = self.find(handle)?;
        if !open.mode.write {
            return Err(FileError::System(Errno::EBADF));
        }
        if open.mode.append {
            open.position = content.len();
        }
        // Positions beyond the end are as far as can be written to.
        let end = (open.position + bytes.len()).min(MOST);
        let count = end.saturating_sub(open.position);
        if count == 0 && !bytes.is_empty() {
            return Err(FileError::System(Errno::ENOSPC));
        }
        if content.len() < end {
            content.resize(end, 0);
        }
        content[open.position..end].copy_from_slice(&bytes[..count]);
        open.position = end;
        Ok(count)
    }

    fn seek(&mut self, handle: i64, offset: i64, whence: Whence) -> Result<i64, FileError> {
        let (open, content) = self.find(handle)?;
        let from = match whence {
            Whence::Start => 0,
            Whence::Current => open.position,
            Whence::End => content.len(),
        };
        let position = usize::try_from((from as i64).saturating_add(offset));
        open.position = position.ok().filter(|&position| position <= MOST).ok_or(FileError::System(Errno::EINVAL))?;
        open.deferred = None;
        Ok(open.position as i64)
    }

    fn close(&mut self, handle: i64) -> Result<(), FileError> {
        self.open.remove(&handle).map(drop).ok_or(FileError::UnknownHandle)
    }
}

impl Exec for Memory {
    fn start(&mut self, execution: &Execution<'_>, _: &mut [u8]) -> Result<i64, StartError> {
        let program = Execution::texts(execution.arguments).next().expect("a program without a name");
        if program.is_empty() {
            return Err(StartError::Execute(Errno::ENOENT));
        }
        let keeps = |capture: &[Capture]| capture.contains(&execution.capture);
        let output = match keeps(&[Capture::Output, Capture::Separated, Capture::Merged]) {
            true => [execution.arguments, execution.environment.unwrap_or_default()].concat(),
            false => Vec::new(),
        };
        let error = match execution.reads_spool && keeps(&[Capture::Error, Capture::Separated]) {
            true => self.spool.0.clone(),
            false => Vec::new(),
        };
        self.numbers += 1;
        self.programs.insert(self.numbers, [output, error]);
        Ok(self.numbers)
    }

    fn status(&mut self, pid: i64) -> Option<Status> {
        let [output, error] = self
            .programs
            .get(&pid)?
            .each_ref()
            .map(|stream| Kept { length: stream.len() as u64, truncated: stream.len() > 200 });
        // Every third one still runs.
        if pid % 3 == 0 {
            return Some(Status::Running);
        }
        Some(Status::Finished(Finished { ended: Ended::Exited(3), output, error }))
    }

    fn begin_report(&mut self, _: i64) {}

    fn read_kept(&mut self, pid: i64, stream: Stream, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let [output, error] = self.programs.get(&pid).ok_or(Errno::EBADF)?;
        Ok(copy(if stream == Stream::Output { output } else { error }, offset, buffer))
    }

    fn end_report(&mut self, pid: i64, delivered: bool) {
        if delivered {
            self.programs.remove(&pid);
        }
    }
}
