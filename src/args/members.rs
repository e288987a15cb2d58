//! Finding members and elements in canonical JSON, without looking at more of it than is needed.

use super::Text;
use crate::json::text::unescaped;

/// The length of the JSON value at the start of canonical `json`.
pub(super) fn value_length(json: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0_usize;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => at = at.saturating_add(text_length(json.get(at..).unwrap_or_default())).saturating_sub(1),
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' | b':' if depth == 0 => return at,
            _ => {}
        }
        at = at.saturating_add(1);
    }
    at
}

/// The length of the JSON string at the start of canonical `json`, quotes included.
fn text_length(json: &[u8]) -> usize {
    let mut at = 1_usize;
    while let Some(rest) = json.get(at..) {
        at = at.saturating_add(unescaped(rest));
        match json.get(at) {
            None => break,
            Some(b'"') => return at.saturating_add(1),
            Some(_) => at = at.saturating_add(2),
        }
    }
    json.len()
}

/// How many members are found once and for all; those behind them are looked for each time.
const KNOWN: usize = 6;

/// The members of an object in canonical form. An object that is not complete yet can be read as far as it goes.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    /// The first ones; no value is empty but those of places that are not used.
    known: [(Text<'a>, &'a [u8]); KNOWN],
    rest: Rest<'a>,
}

impl<'a> Members<'a> {
    /// The members of `object`, which starts with `{`.
    #[inline(never)] // it is a loop, and there are as many callers as commands
    pub fn of(object: &'a [u8]) -> Self {
        let mut members = Members { known: Default::default(), rest: Rest(object) };
        for (place, member) in members.known.iter_mut().zip(&mut members.rest) {
            *place = member;
        }
        members
    }

    /// The value of the member `name`, as canonical JSON.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.find(&[name], true).map(|(_, value)| value)
    }

    /// The first member whose name is among `names`, or, unless `listed`, is not.
    pub fn find(&self, names: &[&str], listed: bool) -> Option<(Text<'a>, &'a [u8])> {
        let is_wanted = |&(key, _): &(Text<'a>, _)| names.iter().any(|&name| key.eq(name)) == listed;
        for member in &self.known {
            if member.1.is_empty() {
                return None;
            }
            if is_wanted(member) {
                return Some(*member);
            }
        }
        self.rest.clone().find(is_wanted)
    }
}

/// The members from some place on.
#[derive(Clone, Debug)]
struct Rest<'a>(&'a [u8]);

impl<'a> Iterator for Rest<'a> {
    type Item = (Text<'a>, &'a [u8]);

    #[inline(never)] // else it is there for each loop over it
    fn next(&mut self) -> Option<Self::Item> {
        // Each member stands behind the opening brace or a comma.
        let member = self.0.get(1..).filter(|member| member.first() == Some(&b'"'))?;
        let (key, rest) = member.split_at_checked(text_length(member))?;
        let value = rest.get(1..)?;
        let (value, rest) = value.split_at_checked(value_length(value))?;
        self.0 = rest;
        let key = key.get(1..key.len().saturating_sub(1))?;
        Some((Text::from_escaped(key), value))
    }
}
