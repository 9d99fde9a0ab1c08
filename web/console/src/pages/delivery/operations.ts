// What the pages of deliveries ask and do.
import { graphql } from "../../gql";

export const DeliveryList = graphql(`
  query DeliveryList($filter: DeliveryFilter, $first: Int!, $after: String) {
    sources {
      id
      name
    }
    deliveries(filter: $filter, first: $first, after: $after) {
      totalCount
      nodes {
        id
        eventType
        status
        problem
        receivedAt
        dismissedAt
        attempts
        source {
          id
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const OneDelivery = graphql(`
  query OneDelivery($id: ID!) {
    node(id: $id) {
      id
      ... on Delivery {
        source {
          id
          name
        }
        externalId
        eventType
        status
        problem
        occurredAt
        receivedAt
        settledAt
        members {
          id
          name
        }
        warnings
        bodyRemoved
        dismissedAt
        dismissedBy
        dismissedReason
        attempts
      }
    }
  }
`);

export const DeliveryBody = graphql(`
  query DeliveryBody($id: ID!) {
    node(id: $id) {
      id
      ... on Delivery {
        body
      }
    }
  }
`);

export const DeliveryEffects = graphql(`
  query DeliveryEffects($filter: HistoryFilter!) {
    history(first: 250, filter: $filter, orderBy: OLDEST_FIRST) {
      nodes {
        id
        at
        kind
        message
        actor
        cause
        member {
          id
          name
        }
        delivery {
          id
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);

export const Replay = graphql(`
  mutation Replay($delivery: ID!) {
    replayDelivery(input: { delivery: $delivery }) {
      delivery {
        id
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const Dismiss = graphql(`
  mutation Dismiss($ids: [ID!]!, $reason: String!) {
    dismissDeliveries(input: { ids: $ids, reason: $reason }) {
      deliveries {
        id
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);
