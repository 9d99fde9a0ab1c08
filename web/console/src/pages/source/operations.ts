// What the pages of one source ask and do.
import { graphql } from "../../gql";

export const OneSource = graphql(`
  query OneSource($id: ID!) {
    node(id: $id) {
      id
      ... on Source {
        name
        platform
        signature
        webhookPath
        webhookUrl
        timeZone
        lastDeliveryAt
        failedDeliveries
        readEvery
        lastReadAt
        statusMappings {
          status
          meaning
        }
        unknownStatuses
        primaryMembersOnly
        checkIn
        readingNeedsConfirmation
        problems {
          kind
          message
          fixedBy
          since
        }
      }
    }
  }
`);

// An unknown id is an error here, and null above.
export const SourceActivity = graphql(`
  query SourceActivity($id: ID!) {
    rejectedRequests(source: $id) {
      count
      last {
        at
        code
        reason
      }
    }
    deliveries(first: 8, filter: { source: $id }) {
      nodes {
        id
        eventType
        status
        problem
        receivedAt
        dismissedAt
      }
    }
  }
`);

export const RotateSecret = graphql(`
  mutation RotateSecret($source: ID!, $keepOldFor: Duration!, $secret: String) {
    rotateSourceSecret(input: { source: $source, keepOldFor: $keepOldFor, secret: $secret }) {
      secret
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const RemoveSource = graphql(`
  mutation RemoveSource($source: ID!) {
    removeSource(input: { source: $source }) {
      removedId
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const ReadSource = graphql(`
  mutation ReadSource($source: ID!) {
    readSource(input: { source: $source }) {
      source {
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

export const ConfirmReading = graphql(`
  mutation ConfirmReading($source: ID!) {
    confirmReading(input: { source: $source }) {
      source {
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

export const SourceMapping = graphql(`
  query SourceMapping($id: ID!) {
    node(id: $id) {
      id
      ... on Source {
        name
        platform
        mapping
      }
    }
    deliveries(first: 30, filter: { source: $id }) {
      nodes {
        id
        eventType
        status
        receivedAt
        bodyRemoved
      }
    }
  }
`);

export const MappingSample = graphql(`
  query MappingSample($id: ID!) {
    node(id: $id) {
      id
      ... on Delivery {
        body
      }
    }
  }
`);

export const TryMapping = graphql(`
  query TryMapping($mapping: JSON!, $body: JSON, $delivery: ID, $source: ID) {
    previewMapping(mapping: $mapping, body: $body, delivery: $delivery, source: $source) {
      eventType
      events
      note
      problems {
        message
        mappingPath
        field
      }
    }
  }
`);
