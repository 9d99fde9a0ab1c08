// What the timeline and the history of a person ask.
import { graphql } from "../../gql";

export const PersonTimeline = graphql(`
  query PersonTimeline($id: ID!, $from: DateTime!, $until: DateTime!) {
    member(id: $id) {
      id
      timeline(from: $from, until: $until) {
        target {
          __typename
          ... on Group {
            id
            name
          }
          ... on Lock {
            id
            name
          }
        }
        segments {
          from
          until
          rules {
            id
            name
          }
          shares {
            id
            note
          }
        }
      }
    }
  }
`);

export const PersonHistory = graphql(`
  query PersonHistory($id: ID!, $kinds: [AccessEventKind!], $first: Int!, $after: String) {
    history(first: $first, after: $after, filter: { member: $id, kinds: $kinds }) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        at
        kind
        message
        cause
        actor
        target {
          __typename
          ... on Group {
            id
            name
          }
          ... on Lock {
            id
            name
          }
          ... on Place {
            id
            name
          }
          ... on KisiAccount {
            id
            name
          }
        }
      }
    }
  }
`);
