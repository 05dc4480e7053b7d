import UserTCP
