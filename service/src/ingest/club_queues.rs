//! What waits to be stored, by club. Clubs take turns, and a club has one turn at a time, so that its deliveries are stored in
//! order and every club with waiting deliveries gets as many turns as any other.

use std::collections::{HashMap, HashSet, VecDeque};

use uuid::Uuid;

/// Items of clubs, each item once, first in, first out.
#[derive(Debug)]
pub struct ClubQueues<T> {
    waiting: HashMap<Uuid, VecDeque<T>>,
    /// The clubs with waiting items that have no turn, in the order of their turns.
    ready: VecDeque<Uuid>,
    /// The clubs that have a turn.
    busy: HashSet<Uuid>,
    len: usize,
}

impl<T> Default for ClubQueues<T> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            ready: VecDeque::new(),
            busy: HashSet::new(),
            len: 0,
        }
    }
}

impl<T> ClubQueues<T> {
    /// The number of waiting items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether a club could have a turn.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub fn push(&mut self, club: Uuid, item: T) {
        let waiting = self.waiting.entry(club).or_default();
        if waiting.is_empty() && !self.busy.contains(&club) {
            self.ready.push_back(club);
        }
        waiting.push_back(item);
        self.len += 1;
    }

    /// Gives some clubs a turn, with at most `most` of their items: as many clubs as each of `takers` may take so that nobody has
    /// nothing to do. Empty if no club is ready. `done` ends the turns.
    pub fn take(&mut self, takers: usize, most: usize) -> Vec<(Uuid, Vec<T>)> {
        let clubs = self.ready.len().div_ceil(takers.max(1));
        let (mut turns, mut left) = (Vec::new(), most);
        while turns.len() < clubs && left > 0 {
            let Some(club) = self.ready.pop_front() else {
                break;
            };
            let waiting = self.waiting.entry(club).or_default();
            let items: Vec<T> = waiting.drain(..waiting.len().min(left)).collect();
            left -= items.len();
            self.len -= items.len();
            self.busy.insert(club);
            turns.push((club, items));
        }
        turns
    }

    /// Ends the turns of clubs; those with more items are ready again, behind all others.
    pub fn done(&mut self, clubs: impl IntoIterator<Item = Uuid>) {
        for club in clubs {
            self.busy.remove(&club);
            if self
                .waiting
                .get(&club)
                .is_some_and(|waiting| !waiting.is_empty())
            {
                self.ready.push_back(club);
            } else {
                self.waiting.remove(&club);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn club(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn busy_clubs_get_equal_turns_however_many_takers_there_are() {
        for takers in 1..=4 {
            let mut queues = ClubQueues::default();
            for number in 0..10 {
                queues.push(club(number), 0);
            }
            let mut counts: HashMap<Uuid, u32> = HashMap::new();
            let mut running: VecDeque<Vec<Uuid>> = VecDeque::new();
            for _ in 0..1_000 {
                // A taker begins when one has ended; a club sends its next item as soon as the last one was stored.
                while running.len() < takers {
                    let turns = queues.take(takers, 256);
                    if turns.is_empty() {
                        break;
                    }
                    running.push_back(turns.into_iter().map(|(club, _)| club).collect());
                }
                let ended = running.pop_front().unwrap();
                queues.done(ended.iter().copied());
                for club in ended {
                    *counts.entry(club).or_default() += 1;
                    queues.push(club, 0);
                }
            }
            let (least, most) = (
                counts.values().min().unwrap(),
                counts.values().max().unwrap(),
            );
            assert!(most - least <= 1, "{takers} takers: {counts:?}");
        }
    }

    #[test]
    fn items_of_a_club_stay_in_order_and_have_one_turn_at_a_time() {
        let mut queues = ClubQueues::default();
        for item in 0..5 {
            queues.push(club(1), item);
        }
        assert_eq!(queues.take(4, 3), [(club(1), vec![0, 1, 2])]);
        queues.push(club(1), 5);
        assert_eq!((queues.len(), queues.is_ready()), (3, false));
        assert_eq!(queues.take(4, 3), []);
        queues.done([club(1)]);
        assert_eq!(queues.take(4, 9), [(club(1), vec![3, 4, 5])]);
        queues.done([club(1)]);
        assert_eq!((queues.len(), queues.is_ready()), (0, false));
    }

    #[test]
    fn a_taker_leaves_clubs_to_the_others() {
        let mut queues = ClubQueues::default();
        for number in 0..9 {
            queues.push(club(number), 0);
        }
        let sizes: Vec<usize> = (0..5).map(|_| queues.take(4, 256).len()).collect();
        assert_eq!(sizes, [3, 2, 1, 1, 1]);
        assert_eq!(queues.take(1, 256).len(), 1);
    }
}
