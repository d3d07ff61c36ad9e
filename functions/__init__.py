"""The platforms. The file must exist: without it functions/azure would shadow the Azure SDK."""
