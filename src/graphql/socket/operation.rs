//! One operation of a socket, run as its own task, so that a slow operation does not delay the others.
//!
//! A mutation that has begun is finished even if its caller disconnects; every other operation ends with its socket. Responses
//! are not buffered for a client that does not read: the operation waits. Started by the conversation.

use std::sync::Arc;

use async_graphql::{Request, Response, ServerError};
use futures_util::{StreamExt, stream};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};
use tracing::Instrument;

use super::super::{
    executor::on_its_runtime,
    http::answer::{failure, mark_errors},
    prepare::OperationKind,
    service::GraphqlService,
    subscription::SubscriptionReady,
};
use crate::{app::App, auth::Caller, clock::new_id, feed::TooSlow};

/// An output of an operation.
pub(super) enum Output {
    /// A response.
    Answer(Box<Response>),
    /// The subscriber is too far behind; the subscription ends.
    TooSlow,
    /// The operation has ended.
    End,
}

/// The channel for outputs, with the number of their operation.
pub(super) type Outputs = mpsc::Sender<(u64, Output)>;

/// A running operation; dropping it aborts it, unless it is a mutation.
pub(super) struct Operation {
    /// `None` for a mutation, which is never aborted.
    abort_handle: Option<AbortHandle>,
    /// Completes when a subscription listens or has ended; `None` for other operations.
    pub(super) listening: Option<oneshot::Receiver<()>>,
}

impl Drop for Operation {
    fn drop(&mut self) {
        if let Some(running) = &self.abort_handle {
            running.abort();
        }
    }
}

impl Operation {
    /// Starts an operation for a caller.
    pub(super) fn start(
        app: Arc<App>,
        service: &GraphqlService,
        caller: Caller,
        mut request: Request,
        (number, outputs): (u64, Outputs),
    ) -> Self {
        let kind = service.prepare(caller.role, &mut request);
        let mut listening = None;
        if let Ok(OperationKind::Subscription) = kind {
            let (tell, told) = SubscriptionReady::new();
            request.data.insert(tell);
            listening = Some(told);
        }
        let is_mutation = matches!(kind, Ok(OperationKind::Mutation));
        let service = service.clone();
        let request_id = new_id().to_string();
        let (failed_id, ends) = (request_id.clone(), outputs.clone());
        let run = async move {
            let mut responses = match kind {
                Ok(OperationKind::Subscription) => service.subscribe(app, caller, request).boxed(),
                Ok(kind) => {
                    let of = app.clone();
                    let response =
                        Box::pin(async move { service.respond(of, caller, kind, request).await });
                    let response = on_its_runtime(app, kind, response).await;
                    stream::iter([response]).boxed()
                }
                Err(refusal) => stream::iter([Response::from_errors(vec![refusal])]).boxed(),
            };
            while let Some(mut response) = responses.next().await {
                let is_late = |error: &ServerError| error.source::<TooSlow>().is_some();
                let output = if response.errors.iter().any(is_late) {
                    Output::TooSlow
                } else {
                    mark_errors(&mut response, &request_id);
                    Output::Answer(Box::new(response))
                };
                // Without a receiver, a mutation that has begun is finished all the same.
                let _ = outputs.send((number, output)).await;
            }
        };
        let running = tokio::spawn(run.in_current_span());
        let abort_handle = (!is_mutation).then(|| running.abort_handle());
        tokio::spawn(async move {
            let ended = running.await;
            if ended.is_err_and(|problem| problem.is_panic()) {
                let answer = failure("the execution of an operation panicked", &failed_id);
                let _ = ends.send((number, Output::Answer(Box::new(answer)))).await;
            }
            let _ = ends.send((number, Output::End)).await;
        });
        Self {
            abort_handle,
            listening,
        }
    }
}
