// What the home page asks.
import { graphql } from "../../gql";

export const Home = graphql(`
  query Home {
    kisiAccounts {
      id
      name
      status
      problem
      lastReadAt
      backlog
      listening
      groups {
        id
        name
        managed
        problem
      }
    }
    sources {
      id
      name
      lastDeliveryAt
      problems {
        kind
        message
        fixedBy
        since
      }
    }
    heldRevocationCauses {
      id
      count
      memberCount
      outageSuspected
    }
    deliveries(first: 3, filter: { status: FAILED, dismissed: false }) {
      totalCount
      nodes {
        id
        eventType
        problem
        receivedAt
        source {
          name
        }
      }
    }
    rejectedRequests {
      count
      source {
        id
        name
      }
      last {
        at
        reason
      }
    }
    history(first: 8) {
      nodes {
        id
        at
        kind
        message
        cause
        member {
          id
          name
        }
      }
    }
  }
`);
