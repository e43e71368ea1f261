"""The bot: handlers of the updates that Telegram sends, and the messages to users."""
