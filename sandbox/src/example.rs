//! The organization of the demo and of most tests.
//!
//! Contract: the same rows in the same order each time, so that ids are stable. Called by the demo,
//! `latchkey sandbox` and tests.

use super::{Clock, Sandbox};

/// "Example Club": a clubhouse in Berlin with four doors and three groups.
///
/// Groups: "Members" (Front door, Range), "Simulator bookings" (Front door, Simulator 1), "Staff"
/// (all four).
pub fn example(clock: Clock, key: String) -> Sandbox {
    let sandbox = Sandbox::new(clock).with_key(key);
    let house = sandbox.add_place("Clubhouse", "Europe/Berlin");
    let front = sandbox.add_lock(house, "Front door");
    let range = sandbox.add_lock(house, "Range");
    let simulator = sandbox.add_lock(house, "Simulator 1");
    let workshop = sandbox.add_lock(house, "Workshop");
    sandbox.add_group("Members", None, &[front, range]);
    sandbox.add_group("Simulator bookings", None, &[front, simulator]);
    sandbox.add_group("Staff", None, &[front, range, simulator, workshop]);
    sandbox
}
