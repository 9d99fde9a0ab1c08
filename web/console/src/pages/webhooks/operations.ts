// What the pages of outbound webhooks ask and do.
import { graphql } from "../../gql";

export const EndpointList = graphql(`
  query EndpointList {
    webhookEndpoints {
      id
      name
      url
      events
      status
      createdAt
      failingSince
      oldSecretUntil
    }
  }
`);

export const MessageList = graphql(`
  query MessageList($filter: WebhookMessageFilter, $first: Int!, $after: String) {
    webhookMessages(filter: $filter, first: $first, after: $after) {
      totalCount
      nodes {
        id
        event
        status
        createdAt
        nextAttemptAt
        endpoint {
          id
          name
        }
        member {
          id
          name
        }
        attempts {
          at
          statusCode
          problem
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const OneMessage = graphql(`
  query OneMessage($id: ID!) {
    node(id: $id) {
      id
      ... on WebhookMessage {
        webhookId
        event
        status
        body
        createdAt
        nextAttemptAt
        finishedAt
        endpoint {
          id
          name
          url
          status
        }
        member {
          id
          name
        }
        attempts {
          at
          duration
          statusCode
          problem
          response
        }
      }
    }
  }
`);

export const CreateEndpoint = graphql(`
  mutation CreateEndpoint($input: CreateWebhookEndpointInput!) {
    createWebhookEndpoint(input: $input) {
      secret
      endpoint {
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

export const UpdateEndpoint = graphql(`
  mutation UpdateEndpoint($input: UpdateWebhookEndpointInput!) {
    updateWebhookEndpoint(input: $input) {
      endpoint {
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

export const RotateEndpointSecret = graphql(`
  mutation RotateEndpointSecret($input: RotateWebhookEndpointSecretInput!) {
    rotateWebhookEndpointSecret(input: $input) {
      secret
      endpoint {
        id
        oldSecretUntil
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const RemoveEndpoint = graphql(`
  mutation RemoveEndpoint($endpoint: ID!) {
    removeWebhookEndpoint(input: { endpoint: $endpoint }) {
      removedId
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const SendTest = graphql(`
  mutation SendTest($endpoint: ID!) {
    sendTestMessage(input: { endpoint: $endpoint }) {
      message {
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

export const ReplayMessages = graphql(`
  mutation ReplayMessages($input: ReplayWebhookMessagesInput!) {
    replayWebhookMessages(input: $input) {
      replayed
      userErrors {
        code
        message
        field
      }
    }
  }
`);
