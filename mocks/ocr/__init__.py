"""The reader of documents: ID cards and business licences, from the truth about who took them."""
