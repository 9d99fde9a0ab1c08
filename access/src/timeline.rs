//! Divides the spans of a member's access to one target into segments with the same causes, for drawing and for telling what
//! grants access when.

use std::collections::BTreeSet;

use crate::{
    evaluate::Access,
    fact::Id,
    span::{Span, SpanSet},
};

/// A span in which the same rules and shares grant access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The span.
    pub span: Span,
    /// The rules that hold, in the order of the evaluation.
    pub rules: Vec<Id>,
    /// The shares that are valid, in the order of the facts.
    pub shares: Vec<Id>,
}

impl Access<'_> {
    /// The spans of access that overlap `within`, cut to it and divided where a cause begins or ends, in order. Reliable within
    /// the span for which the access was evaluated.
    #[must_use]
    pub fn segments(&self, within: Span) -> Vec<Segment> {
        let rules = self.rules.iter().map(|it| (it.rule.id, &it.spans));
        let rules: Vec<(Id, &SpanSet)> = rules.collect();
        let shares = self.shares.iter().map(|(share, spans)| (share.id, spans));
        let shares: Vec<(Id, &SpanSet)> = shares.collect();
        let causes = rules.iter().chain(&shares);
        let edges: BTreeSet<_> = causes
            .flat_map(|(_, spans)| spans.iter().flat_map(|span| [span.from, span.until]))
            .collect();
        let mut segments = Vec::new();
        for span in &self.spans.intersect(&SpanSet::from(within)) {
            let inside = edges.range(span.from..span.until).copied();
            let inside = inside.filter(|edge| *edge > span.from);
            let mut from = span.from;
            for until in inside.chain([span.until]) {
                let holding = |causes: &[(Id, &SpanSet)]| {
                    let holding = causes.iter().filter(|(_, spans)| spans.contains(from));
                    holding.map(|(id, _)| *id).collect()
                };
                segments.push(Segment {
                    span: Span::new(from, until),
                    rules: holding(&rules),
                    shares: holding(&shares),
                });
                from = until;
            }
        }
        segments
    }
}
