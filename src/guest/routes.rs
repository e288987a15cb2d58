//! Where the guest sends packets.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::{ListPlace, LongLists, ShortName};
use crate::errno::Errno;

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The interface that they leave through.
    pub interface: ShortName,
    /// Of two routes to the same place the one with the lower number is taken.
    pub metric: u32,
    /// What kind of route it is, in the bits of the system.
    pub flags: u32,
    /// How often something in the system refers to it.
    pub references: u32,
    /// How often it was looked up.
    pub uses: u32,
    /// From where, and to where.
    pub way: Way,
}

/// From where to where a route goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In IPv4.
    V4 {
        /// To which network.
        destination: Ipv4Addr,
        /// Which bits of it count.
        mask: Ipv4Addr,
        /// By way of which machine; all zeros for none.
        gateway: Ipv4Addr,
        /// The longest packet, in bytes; 0 if that is not set.
        mtu: u32,
        /// TCP's window, in bytes; 0 if that is not set.
        window: u32,
        /// TCP's first guess of the time there and back, in the units of the system; 0 if that is not set.
        round_trip: u32,
    },
    /// In IPv6.
    V6 {
        /// To which network.
        destination: Ipv6Addr,
        /// How many bits of it count.
        destination_prefix: u8,
        /// From which network.
        source: Ipv6Addr,
        /// How many bits of it count.
        source_prefix: u8,
        /// By way of which machine; all zeros for none.
        next_hop: Ipv6Addr,
    },
}

/// Why the routes can not be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// Those of IPv4 can not be read.
    V4(Errno),
    /// There is IPv6, but its routes can not be read.
    V6(Errno),
}

/// The routes of the network.
pub trait Routes: LongLists {
    /// Gives each route from a place on to `visit`, with the place behind it, until that answers false; those of IPv4 come
    /// first. For `buffer` see [`LongLists`].
    ///
    /// # Errors
    /// Those of the type.
    fn routes(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&Route, ListPlace) -> bool,
    ) -> Result<(), RouteError>;
}
