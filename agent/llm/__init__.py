"""Language models as LangChain chat models: our own (`ChatSenseBind`), and how it decodes."""
