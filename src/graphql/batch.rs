//! Loads at once what many fields ask for one by one. A batch begins when the execution that asks stands still: when every
//! field that could be resolved was, so that what a page takes does not decide how many statements it runs, and nobody waits
//! for a clock. Keeps nothing: what a mutation has just changed is seen by the fields of its payload. The loaders ask; the
//! schema's guard runs each execution through [`run`].

use std::{
    any::{Any, TypeId},
    future::{Future, poll_fn},
    hash::Hash,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};

use crate::map::{Map, Set};

/// How often an execution is driven on before others get their turn.
const MOST_ROUNDS: usize = 64;

tokio::task_local! {
    /// What waits for the execution to stand still.
    static WAITING: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>;
}

/// Fetches what keys lead to.
pub trait Loader<K>: Send + Sync + 'static {
    /// What a key leads to.
    type Value: Send + Sync + Clone + 'static;
    /// Why nothing could be fetched.
    type Error: Send + Clone + 'static;

    /// What each of the keys leads to; one that leads to nothing is left out.
    fn load(
        &self,
        keys: &[K],
    ) -> impl Future<Output = Result<Map<K, Self::Value>, Self::Error>> + Send;
}

/// What a key of `L` leads to.
type Found<K, L> = Arc<Result<Map<K, <L as Loader<K>>::Value>, <L as Loader<K>>::Error>>;

/// Batches of keys for a loader; a key's type says what is asked for.
pub struct Batches<L>(Arc<Inner<L>>);

struct Inner<L> {
    loader: L,
    /// By the type of their keys: those that have not begun.
    open: Mutex<Vec<(TypeId, Box<dyn Any + Send>)>>,
}

impl<L: Send + Sync + 'static> Batches<L> {
    /// Of this loader.
    pub fn new(loader: L) -> Self {
        let open = Mutex::default();
        Self(Arc::new(Inner { loader, open }))
    }

    /// What these keys and all others of the batch lead to.
    pub async fn load<K>(&self, keys: impl IntoIterator<Item = K>) -> Found<K, L>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        L: Loader<K>,
        L::Error: Sync,
    {
        let batch = self.batch();
        lock(&batch.0).keys.extend(keys);
        poll_fn(|context| {
            let mut state = lock(&batch.0);
            if let Some(found) = &state.found {
                return Poll::Ready(found.clone());
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The batch that takes keys now.
    fn batch<K>(&self) -> Arc<Batch<K, L>>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        L: Loader<K>,
        L::Error: Sync,
    {
        let mut open = lock(&self.0.open);
        let of = TypeId::of::<K>();
        let known = open.iter().find(|(kind, _)| *kind == of);
        if let Some(batch) = known.and_then(|(_, any)| any.downcast_ref::<Arc<Batch<K, L>>>()) {
            return batch.clone();
        }
        let batch: Arc<Batch<K, L>> = Arc::new(Batch(Mutex::new(State {
            keys: Set::default(),
            found: None,
            wakers: Vec::new(),
        })));
        open.push((of, Box::new(batch.clone())));
        drop(open);
        let (inner, begun) = (self.0.clone(), batch.clone());
        when_still(Box::pin(async move {
            lock(&inner.open).retain(|(kind, _)| *kind != of);
            let keys = std::mem::take(&mut lock(&begun.0).keys);
            let keys: Vec<K> = keys.into_iter().collect();
            let found = Arc::new(inner.loader.load(&keys).await);
            let mut state = lock(&begun.0);
            state.found = Some(found);
            let wakers = std::mem::take(&mut state.wakers);
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
        }));
        batch
    }
}

struct Batch<K: Hash + Eq + Clone + Send + Sync + 'static, L: Loader<K>>(Mutex<State<K, L>>);

struct State<K: Hash + Eq + Clone + Send + Sync + 'static, L: Loader<K>> {
    keys: Set<K>,
    found: Option<Found<K, L>>,
    wakers: Vec<Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds a lock of this module can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a batch when the execution stands still; outside one at once, with what was asked for by then.
fn when_still(batch: BoxFuture<'static, ()>) {
    let mut batch = Some(batch);
    let kept = WAITING.try_with(|waiting| lock(waiting).extend(batch.take()));
    if kept.is_err()
        && let Some(batch) = batch
    {
        tokio::spawn(batch);
    }
}

/// Knows whether the execution can go on.
struct Pulse {
    moved: AtomicBool,
    /// Whether whoever looks at `moved` is at work, so that nobody has to be woken.
    watched: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl Wake for Pulse {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.moved.store(true, Ordering::SeqCst);
        if !self.watched.load(Ordering::SeqCst)
            && let Some(outer) = lock(&self.outer).as_ref()
        {
            outer.wake_by_ref();
        }
    }
}

/// Runs an execution, and whenever it stands still the batches that it waits for.
pub async fn run<F: Future>(execution: F) -> F::Output {
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let mut execution = pin!(WAITING.scope(waiting.clone(), execution));
    let mut running: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let pulse = Arc::new(Pulse {
        moved: AtomicBool::new(true),
        watched: AtomicBool::new(true),
        outer: Mutex::new(None),
    });
    let waker = Waker::from(pulse.clone());
    poll_fn(|context| {
        *lock(&pulse.outer) = Some(context.waker().clone());
        pulse.watched.store(true, Ordering::SeqCst);
        for _ in 0..MOST_ROUNDS {
            if pulse.moved.swap(false, Ordering::SeqCst) {
                let polled = execution.as_mut().poll(&mut Context::from_waker(&waker));
                if polled.is_ready() {
                    return polled;
                }
                continue;
            }
            running.extend(std::mem::take(&mut *lock(&waiting)));
            if let Poll::Ready(Some(())) = running.poll_next_unpin(context) {
                continue;
            }
            pulse.watched.store(false, Ordering::SeqCst);
            if !pulse.moved.load(Ordering::SeqCst) {
                return Poll::Pending;
            }
            pulse.watched.store(true, Ordering::SeqCst);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::future::join_all;

    use super::*;

    /// Doubles numbers, and remembers for how many it was asked each time.
    #[derive(Clone, Default)]
    struct Doubling(Arc<Mutex<Vec<usize>>>);

    impl Loader<u32> for Doubling {
        type Value = u32;
        type Error = Infallible;

        async fn load(&self, keys: &[u32]) -> Result<Map<u32, u32>, Infallible> {
            lock(&self.0).push(keys.len());
            // As a database does, it answers later.
            tokio::task::yield_now().await;
            Ok(keys.iter().map(|key| (*key, key * 2)).collect())
        }
    }

    /// Lets others of the execution go on, as lists of fields do.
    async fn turn() {
        let mut waited = false;
        poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    async fn double(batches: &Batches<Doubling>, number: u32) -> u32 {
        let found = batches.load([number]).await;
        found.as_ref().as_ref().unwrap()[&number]
    }

    #[tokio::test]
    async fn what_is_asked_for_in_any_number_of_turns_is_one_load() {
        let doubling = Doubling::default();
        let batches = Batches::new(doubling.clone());
        let asks = (0..500).map(|number| {
            let batches = &batches;
            async move {
                // Some ask at once, some much later.
                for _ in 0..number {
                    turn().await;
                }
                double(batches, number % 100).await
            }
        });
        let answers = run(join_all(asks)).await;
        assert_eq!(answers[..3], [0, 2, 4]);
        assert_eq!(*lock(&doubling.0), [100]);
    }

    #[tokio::test]
    async fn what_hangs_on_an_answer_is_the_next_load_and_nothing_is_kept() {
        let doubling = Doubling::default();
        let batches = Batches::new(doubling.clone());
        let asks = (0..50).map(|number| {
            let batches = &batches;
            async move {
                let doubled = double(batches, number).await;
                double(batches, doubled).await
            }
        });
        let answers = run(join_all(asks)).await;
        assert_eq!(answers[7], 28);
        assert_eq!(*lock(&doubling.0), [50, 50]);
        run(double(&batches, 7)).await;
        assert_eq!(*lock(&doubling.0), [50, 50, 1]);
    }

    #[tokio::test]
    async fn outside_an_execution_a_batch_begins_by_itself() {
        let batches = Batches::new(Doubling::default());
        assert_eq!(double(&batches, 21).await, 42);
    }
}
