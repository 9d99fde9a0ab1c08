//! One operation of a socket, run by itself: so that a slow one keeps no other waiting.
//!
//! Promises that a mutation which has begun is finished although its caller leaves, and that everything else ends with its
//! socket. Never keeps answers for a client that does not read: it waits. The conversation starts it.

use std::sync::Arc;

use async_graphql::{Request, Response, ServerError};
use futures_util::StreamExt;
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};
use tracing::Instrument;

use super::super::{
    context::Caller,
    executor::Schemas,
    http::{
        answer::{failure, mark_errors},
        guard::{Kind, kind_of},
    },
    schema::context_data,
    subscription::Listening,
};
use crate::{app::App, clock::new_id, feed::TooSlow};

/// What an operation gives.
pub(super) enum Output {
    /// An answer.
    Answer(Box<Response>),
    /// The subscriber is too far behind to be told any more.
    TooSlow,
    /// Nothing more.
    End,
}

/// Where outputs go, with the number of their operation.
pub(super) type Outputs = mpsc::Sender<(u64, Output)>;

/// An operation that runs.
pub(super) struct Operation {
    /// None for what has to be finished.
    breaks_off: Option<AbortHandle>,
    /// Ends once a subscription listens, or is over; none for other operations.
    pub(super) listening: Option<oneshot::Receiver<()>>,
}

impl Drop for Operation {
    fn drop(&mut self) {
        if let Some(running) = &self.breaks_off {
            running.abort();
        }
    }
}

impl Operation {
    /// Starts an operation for whoever asks.
    pub(super) fn start(
        app: Arc<App>,
        schemas: &Schemas,
        caller: Caller,
        mut request: Request,
        (number, outputs): (u64, Outputs),
    ) -> Self {
        let kind = kind_of(&mut request);
        let mut listening = None;
        if kind == Some(Kind::Subscription) {
            let (tell, told) = Listening::new();
            request.data.insert(tell);
            listening = Some(told);
        }
        let admission = schemas.admission.clone();
        context_data(app, caller.clone(), &mut request.data);
        let answers = schemas.guarded.execute_stream(request);
        let request_id = new_id().to_string();
        let (failed_id, ends) = (request_id.clone(), outputs.clone());
        let run = async move {
            let _admitted = match admission.admit(&caller, kind).await {
                Ok(admitted) => admitted,
                Err(refused) => {
                    let mut answer = Response::from_errors(vec![refused]);
                    mark_errors(&mut answer, &request_id);
                    let _ = outputs
                        .send((number, Output::Answer(Box::new(answer))))
                        .await;
                    return;
                }
            };
            let mut answers = answers;
            while let Some(mut answer) = answers.next().await {
                let is_late = |error: &ServerError| error.source::<TooSlow>().is_some();
                let output = if answer.errors.iter().any(is_late) {
                    Output::TooSlow
                } else {
                    mark_errors(&mut answer, &request_id);
                    Output::Answer(Box::new(answer))
                };
                // Where nobody takes it, what has begun is finished all the same.
                let _ = outputs.send((number, output)).await;
            }
        };
        let running = tokio::spawn(run.in_current_span());
        let breaks_off = (kind != Some(Kind::Mutation)).then(|| running.abort_handle());
        tokio::spawn(async move {
            let ended = running.await;
            if ended.is_err_and(|problem| problem.is_panic()) {
                let answer = failure("the execution of an operation panicked", &failed_id);
                let _ = ends.send((number, Output::Answer(Box::new(answer)))).await;
            }
            let _ = ends.send((number, Output::End)).await;
        });
        Self {
            breaks_off,
            listening,
        }
    }
}
