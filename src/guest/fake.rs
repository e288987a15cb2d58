//! A guest without a kernel, for tests on any platform: it has what its fields say, and what commands do is seen in them.
//!
//! Lists have no more items than their fields; what does not exist is refused as Linux does.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    Clock, Cpu, CpuError, CpuStatistics, CpuTimes, Cpus, DiskCounters, DiskStatistics, Guest, HostName, InterfaceList,
    InterfacePiece, InterfaceStatistics, ListPlace, Load, LocalTime, Login, Logins, LongLists, MemoryBlock,
    MemoryBlocks, MemoryListError, MemorySetError, Network, Password, PasswordError, Passwords, Power, Route,
    RouteError, Routes, RtcError, SetClock, ShortName, Shutdown, Sleep, SleepError, Suspend, System, TimeZone, Way,
};
use crate::bytes::put;
use crate::errno::Errno;

/// The guest. Its default has two of most things.
#[derive(Debug)]
pub struct Fake {
    /// The time of day, in nanoseconds since 1970. It stands still.
    pub time_ns: i64,
    /// The clock that runs while the machine is off, in seconds since 1970; `None` for a machine that has none.
    pub rtc_s: Option<i64>,
    /// The processors. The first one can not be switched off.
    pub cpus: [Cpu; 2],
    /// The memory blocks. The first one can not be switched off.
    pub blocks: [MemoryBlock; 2],
    /// How the machine was stopped.
    pub stopped: Option<Shutdown>,
    /// How the machine slept last.
    pub slept: Option<Sleep>,
    /// The user whose password was set last, up to 31 bytes of the name.
    pub password_of: Option<ShortName>,
    interface_pieces: usize,
}

impl Default for Fake {
    fn default() -> Self {
        Fake {
            time_ns: 1_700_000_000_123_456_789,
            rtc_s: Some(1_600_000_000),
            cpus: [0, 1].map(|id| Cpu { id, is_online: true, can_offline: id > 0 }),
            blocks: [0, 1].map(|index| MemoryBlock { index, is_online: true, can_offline: index > 0 }),
            stopped: None,
            slept: None,
            password_of: None,
            interface_pieces: 0,
        }
    }
}

impl Guest for Fake {}

impl Clock for Fake {
    fn real_time_ns(&mut self) -> Result<i64, Errno> {
        Ok(self.time_ns)
    }
}

impl SetClock for Fake {
    fn set_real_time_ns(&mut self, time_ns: i64) -> Result<(), Errno> {
        self.time_ns = time_ns;
        Ok(())
    }

    fn rtc_time_s(&mut self) -> Result<i64, RtcError> {
        self.rtc_s.ok_or(RtcError::Missing)
    }

    fn set_rtc_time_s(&mut self, time_s: i64) -> Result<(), RtcError> {
        *self.rtc_s.as_mut().ok_or(RtcError::Missing)? = time_s;
        Ok(())
    }
}

impl TimeZone for Fake {
    fn local_time<'b>(&mut self, _: i64, _: &'b mut [u8]) -> Result<LocalTime<'b>, Errno> {
        Ok(LocalTime { abbreviation: b"CEST", offset_s: 7200 })
    }
}

impl HostName for Fake {
    fn host_name<'b>(&mut self, _: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        Ok(b"fake")
    }
}

impl System for Fake {
    fn kernel_names(&mut self, use_names: &mut dyn FnMut([&[u8]; 3])) -> Result<(), Errno> {
        use_names([b"1.0", b"#1", b"machine"]);
        Ok(())
    }

    fn os_release(&mut self, _: &mut [u8], visit: &mut dyn FnMut(&[u8])) {
        visit(b"ID=fake");
        visit(b"PRETTY_NAME=\"A guest without a kernel\"");
    }
}

impl Power for Fake {
    fn shut_down(&mut self, how: Shutdown) -> Result<(), Errno> {
        self.stopped = Some(how);
        Ok(())
    }
}

impl Suspend for Fake {
    fn suspend(&mut self, how: Sleep) -> Result<(), SleepError> {
        if how == Sleep::Disk {
            return Err(SleepError::Missing("no swap space on a disk"));
        }
        self.slept = Some(how);
        Ok(())
    }
}

impl Logins for Fake {
    fn next_login<'b>(&mut self, place: &mut ListPlace, buffer: &'b mut [u8]) -> Result<Option<Login<'b>>, Errno> {
        let (user, time_us): (&[u8], i64) = match place.0 {
            [0, _] => (b"root", 1_700_000_000_250_000),
            [1, _] => (b"anna", 1_700_000_001_000_000),
            _ => return Ok(None),
        };
        place.0 = [place.0[0].saturating_add(1), 0];
        let length = put(buffer, 0, user).ok_or(Errno::ENAMETOOLONG)?;
        Ok(Some(Login { user: buffer.get(..length).unwrap_or_default(), time_us }))
    }
}

impl Passwords for Fake {
    fn set_password(&mut self, user: &[u8], _: Password<'_>, _: &mut [u8]) -> Result<(), PasswordError> {
        if user != b"root" && user != b"anna" {
            return Err(PasswordError::UnknownUser);
        }
        self.password_of = Some(ShortName::of(user));
        Ok(())
    }
}

/// Gives what stands at `from` and behind it to `visit`, until that answers false.
fn each<T>(items: &[T], from: ListPlace, visit: &mut dyn FnMut(&T, ListPlace) -> bool) {
    let ListPlace([first, _]) = from;
    for (index, item) in (0_i64..).zip(items).skip(usize::try_from(first).unwrap_or(0)) {
        if !visit(item, ListPlace([index.saturating_add(1), 0])) {
            return;
        }
    }
}

impl Cpus for Fake {
    fn cpus(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&Cpu, ListPlace) -> bool,
    ) -> Result<(), CpuError> {
        each(&self.cpus, from, visit);
        Ok(())
    }

    fn set_cpu(&mut self, id: i64, online: bool) -> Result<(), CpuError> {
        let cpu = self.cpus.iter_mut().find(|cpu| cpu.id == id).ok_or(CpuError::Find(id, Errno::ENOENT))?;
        if !online && !cpu.can_offline {
            return Err(CpuError::AlwaysOnline(id));
        }
        cpu.is_online = online;
        Ok(())
    }
}

impl MemoryBlocks for Fake {
    fn memory_blocks(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&MemoryBlock, ListPlace) -> bool,
    ) -> Result<(), MemoryListError> {
        each(&self.blocks, from, visit);
        Ok(())
    }

    fn set_memory_block(&mut self, index: u64, online: bool) -> Result<(), MemorySetError> {
        let block = self.blocks.iter_mut().find(|block| block.index == index);
        let block = block.ok_or(MemorySetError::NotFound(Errno::ENOENT))?;
        if !online && !block.can_offline {
            return Err(MemorySetError::Failed(Errno::EBUSY));
        }
        block.is_online = online;
        Ok(())
    }

    fn memory_block_size_bytes(&mut self) -> Result<u64, Errno> {
        Ok(128 << 20)
    }
}

/// One interface with an address of each kind.
const INTERFACE: [InterfacePiece<'static>; 4] = [
    InterfacePiece::Name(b"eth0"),
    InterfacePiece::Address { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), prefix: 24 },
    InterfacePiece::Address { address: IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1)), prefix: 64 },
    InterfacePiece::End {
        statistics: Some(&InterfaceStatistics {
            received_bytes: 1,
            received_packets: 2,
            receive_errors: 3,
            receive_dropped: 4,
            sent_bytes: 5,
            sent_packets: 6,
            send_errors: 7,
            send_dropped: 8,
        }),
        hardware_address: [0x52, 0x54, 0, 0x12, 0x34, 0x56],
    },
];

impl Network for Fake {
    fn begin_interfaces(&mut self) -> Result<(), Errno> {
        self.interface_pieces = 0;
        Ok(())
    }

    fn interfaces(
        &mut self,
        _: &mut [u8],
        visit: &mut dyn FnMut(InterfacePiece<'_>) -> bool,
    ) -> Result<InterfaceList, Errno> {
        while let Some(&piece) = INTERFACE.get(self.interface_pieces) {
            if !visit(piece) {
                return Ok(InterfaceList::More);
            }
            self.interface_pieces = self.interface_pieces.saturating_add(1);
        }
        Ok(InterfaceList::Complete { changed: false })
    }

    fn end_interfaces(&mut self) {
        self.interface_pieces = 0;
    }
}

impl Load for Fake {
    fn load_averages(&mut self) -> Result<[u64; 3], Errno> {
        Ok([0x0001_8000, 0x8000, 1])
    }
}

impl LongLists for Fake {
    fn end_list(&mut self) {}
}

impl CpuStatistics for Fake {
    fn cpu_times(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&CpuTimes, ListPlace) -> bool,
    ) -> Result<(), Errno> {
        let times_ms = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map(Some);
        each(&[CpuTimes { id: 0, times_ms }, CpuTimes { id: 1, times_ms }], from, visit);
        Ok(())
    }
}

impl DiskStatistics for Fake {
    fn disk_counters(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&DiskCounters, ListPlace) -> bool,
    ) -> Result<(), Errno> {
        let counters = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17].map(Some);
        each(&[DiskCounters { name: ShortName::of(b"vda"), major: 254, minor: 0, counters }], from, visit);
        Ok(())
    }
}

impl Routes for Fake {
    fn routes(
        &mut self,
        from: ListPlace,
        _: &mut [u8],
        visit: &mut dyn FnMut(&Route, ListPlace) -> bool,
    ) -> Result<(), RouteError> {
        let interface = ShortName::of(b"eth0");
        let route = |flags, way| Route { interface, metric: 100, flags, references: 1, uses: 2, way };
        let any = Ipv4Addr::UNSPECIFIED;
        let gateway = Ipv4Addr::new(192, 0, 2, 254);
        let first = Way::V4 { destination: any, mask: any, gateway, mtu: 0, window: 0, round_trip: 0 };
        let (destination, next_hop) = (Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED);
        let source = next_hop;
        let second = Way::V6 { destination, destination_prefix: 128, source, source_prefix: 0, next_hop };
        each(&[route(3, first), route(0x8020_0001, second)], from, visit);
        Ok(())
    }
}
