// What the pages of sources ask and do.
import { graphql } from "../../gql";

export const SourceList = graphql(`
  query SourceList {
    sources {
      id
      name
      platform
      lastDeliveryAt
      lastReadAt
      failedDeliveries
      rejectionsLastDay
      readingNeedsConfirmation
      problems {
        kind
        message
        fixedBy
        since
      }
    }
  }
`);

export const CreateSource = graphql(`
  mutation CreateSource($input: CreateSourceInput!) {
    createSource(input: $input) {
      source {
        id
        webhookPath
        webhookUrl
      }
      secret
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const EditSource = graphql(`
  mutation EditSource($input: UpdateSourceInput!) {
    updateSource(input: $input) {
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
