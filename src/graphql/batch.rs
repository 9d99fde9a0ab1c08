//! Batches the loads that many fields request one by one. A batch starts when the execution is idle: when every field that
//! could be resolved has been. So the page size does not determine the number of statements, and no timer delays a batch.
//! Nothing is cached: the fields of a mutation's payload see what the mutation changed. The loaders load through it; each
//! execution runs through [`run`].

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

/// How many times an execution is polled before it yields to other tasks.
const MAX_POLLS: usize = 64;

tokio::task_local! {
    /// Batches that start when the execution is idle.
    static WAITING: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>;
}

/// Loads values by key.
pub trait Loader<K>: Send + Sync + 'static {
    /// The value of a key.
    type Value: Send + Sync + Clone + 'static;
    /// The error of a whole batch.
    type Error: Send + Clone + 'static;

    /// Returns the values of the keys; keys without a value are left out.
    fn load(
        &self,
        keys: &[K],
    ) -> impl Future<Output = Result<Map<K, Self::Value>, Self::Error>> + Send;
}

/// The result of a batch, shared by all its keys.
type BatchResult<K, L> = Arc<Result<Map<K, <L as Loader<K>>::Value>, <L as Loader<K>>::Error>>;

/// Batches for a loader, one per key type.
pub struct Batches<L>(Arc<Inner<L>>);

struct Inner<L> {
    loader: L,
    /// The batches that have not started, by key type.
    open: Mutex<Vec<(TypeId, Box<dyn Any + Send>)>>,
}

impl<L: Send + Sync + 'static> Batches<L> {
    pub fn new(loader: L) -> Self {
        let open = Mutex::default();
        Self(Arc::new(Inner { loader, open }))
    }

    /// Adds the keys to the open batch, and returns the values of all keys of that batch.
    pub async fn load<K>(&self, keys: impl IntoIterator<Item = K>) -> BatchResult<K, L>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        L: Loader<K>,
        L::Error: Sync,
    {
        let batch = self.batch();
        lock(&batch.0).keys.extend(keys);
        poll_fn(|context| {
            let mut state = lock(&batch.0);
            if let Some(found) = &state.result {
                return Poll::Ready(found.clone());
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The open batch for this key type; a new one if there is none.
    fn batch<K>(&self) -> Arc<Batch<K, L>>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        L: Loader<K>,
        L::Error: Sync,
    {
        let mut open = lock(&self.0.open);
        let of = TypeId::of::<K>();
        let open_batch = open.iter().find(|(kind, _)| *kind == of);
        if let Some(batch) = open_batch.and_then(|(_, any)| any.downcast_ref::<Arc<Batch<K, L>>>())
        {
            return batch.clone();
        }
        let batch: Arc<Batch<K, L>> = Arc::new(Batch(Mutex::new(State {
            keys: Set::default(),
            result: None,
            wakers: Vec::new(),
        })));
        open.push((of, Box::new(batch.clone())));
        drop(open);
        let (inner, begun) = (self.0.clone(), batch.clone());
        when_idle(Box::pin(async move {
            lock(&inner.open).retain(|(kind, _)| *kind != of);
            let keys = std::mem::take(&mut lock(&begun.0).keys);
            let keys: Vec<K> = keys.into_iter().collect();
            let found = Arc::new(inner.loader.load(&keys).await);
            let mut state = lock(&begun.0);
            state.result = Some(found);
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
    result: Option<BatchResult<K, L>>,
    wakers: Vec<Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics halfway through a change while it holds a lock of this module, so a poisoned lock has valid data.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a batch when the execution is idle. Outside of an execution the batch is spawned at once, with the keys that it has
/// by then.
fn when_idle(batch: BoxFuture<'static, ()>) {
    let mut batch = Some(batch);
    let kept = WAITING.try_with(|waiting| lock(waiting).extend(batch.take()));
    if kept.is_err()
        && let Some(batch) = batch
    {
        tokio::spawn(batch);
    }
}

/// The waker of an execution: records whether it can make progress.
struct ExecutionWaker {
    moved: AtomicBool,
    /// Whether the poll loop that reads `moved` is running; then no wake-up is needed.
    watched: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl Wake for ExecutionWaker {
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

/// Runs an execution, and its waiting batches whenever it is idle.
pub async fn run<F: Future>(execution: F) -> F::Output {
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let mut execution = pin!(WAITING.scope(waiting.clone(), execution));
    let mut running: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let pulse = Arc::new(ExecutionWaker {
        moved: AtomicBool::new(true),
        watched: AtomicBool::new(true),
        outer: Mutex::new(None),
    });
    let waker = Waker::from(pulse.clone());
    poll_fn(|context| {
        *lock(&pulse.outer) = Some(context.waker().clone());
        pulse.watched.store(true, Ordering::SeqCst);
        for _ in 0..MAX_POLLS {
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

    /// Doubles numbers, and records the size of each batch.
    #[derive(Clone, Default)]
    struct Doubling(Arc<Mutex<Vec<usize>>>);

    impl Loader<u32> for Doubling {
        type Value = u32;
        type Error = Infallible;

        async fn load(&self, keys: &[u32]) -> Result<Map<u32, u32>, Infallible> {
            lock(&self.0).push(keys.len());
            // Completes later, as a database does.
            tokio::task::yield_now().await;
            Ok(keys.iter().map(|key| (*key, key * 2)).collect())
        }
    }

    /// Yields once to the other futures of the execution, as lists of fields do.
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
        let result = batches.load([number]).await;
        result.as_ref().as_ref().unwrap()[&number]
    }

    #[tokio::test]
    async fn loads_of_any_number_of_polls_are_one_batch() {
        let doubling = Doubling::default();
        let batches = Batches::new(doubling.clone());
        let asks = (0..500).map(|number| {
            let batches = &batches;
            async move {
                // Some fields load at once, some much later.
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
    async fn dependent_loads_are_the_next_batch_and_nothing_is_cached() {
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
    async fn outside_an_execution_a_batch_starts_by_itself() {
        let batches = Batches::new(Doubling::default());
        assert_eq!(double(&batches, 21).await, 42);
    }
}
