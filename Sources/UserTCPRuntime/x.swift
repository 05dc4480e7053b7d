@_exported import UserTCP
